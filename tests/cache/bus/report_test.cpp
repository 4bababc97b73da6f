#include "cache/bus/report.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::report_test {

using namespace std::chrono_literals;

Report report_of_edge() {
  return {.gateway = "edge-1",
          .applied = {3, 1042},
          .journal = "k3v9x0c7q2m4",
          .coverage = Coverage::repairing,
          .when_stale = WhenStale::ask,
          .lease = 3s,
          .version = "0.1.0"};
}

TEST(Report, IsReadAsItWasWritten) {
  auto report = report_of_edge();
  EXPECT_EQ(encode_report(report),
            R"({"gateway":"edge-1","epoch":3,"sequence":1042,"journal":"k3v9x0c7q2m4","state":"repairing",)"
            R"("when_stale":"ask","lease_ms":3000,"version":"0.1.0"})");
  for (const auto coverage : {Coverage::fresh, Coverage::repairing, Coverage::stale}) {
    for (const auto policy : {WhenStale::deny, WhenStale::ask, WhenStale::serve}) {
      for (const bool leaves : {false, true}) {
        report.coverage = coverage;
        report.when_stale = policy;
        report.is_leaving = leaves;
        const auto read = decode_report(encode_report(report));
        ASSERT_TRUE(read);
        EXPECT_EQ(encode_report(*read), encode_report(report));
        EXPECT_EQ(read->is_leaving, leaves);
      }
    }
  }
}

TEST(Report, NeedsANameAndAPositionOnly) {
  const auto read = decode_report(R"({"gateway":"edge-1","epoch":3,"sequence":0,"mood":["good"]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->applied, (engine::Position{3, 0}));
  EXPECT_EQ(read->coverage, Coverage::stale) << "not said to be current";
  EXPECT_EQ(read->when_stale, WhenStale::serve) << "not said to deny";
  EXPECT_EQ(read->lease, 0ms);
}

TEST(Report, IsRefusedIfAMemberIsMissingOrWrong) {
  EXPECT_FALSE(decode_report(""));
  EXPECT_FALSE(decode_report("[]"));
  EXPECT_FALSE(decode_report(R"({"epoch":3,"sequence":1})"));
  EXPECT_FALSE(decode_report(R"({"gateway":"edge-1","sequence":1})"));
  EXPECT_FALSE(decode_report(R"({"gateway":"edge-1","epoch":3})"));
  const auto with = [](const std::string& name, const std::string& value) {
    std::string json = R"({"gateway":"edge-1","epoch":3,"sequence":1})";
    const auto at = json.find("\"" + name + "\":");
    if (at == std::string::npos) return json.insert(1, "\"" + name + "\":" + value + ",");
    const auto from = at + name.size() + 3;
    return json.replace(from, json.find_first_of(",}", from) - from, value);
  };
  ASSERT_TRUE(decode_report(with("lease_ms", "3000")));
  for (const auto& [name, value] : std::initializer_list<std::pair<std::string, std::string>>{
           {"gateway", R"("")"},
           {"gateway", "7"},
           {"gateway", "\"a\\nb\""},
           {"gateway", "\"" + std::string(max_gateway_name_size + 1, 'x') + "\""},
           {"epoch", "0"},
           {"epoch", "-1"},
           {"epoch", "18446744073709551615"},
           {"sequence", R"("1")"},
           {"sequence", "1.5"},
           {"journal", R"("NO")"},
           {"state", R"("gone")"},
           {"when_stale", R"("allow")"},
           {"lease_ms", "-1"},
           {"lease_ms", "999999999999"},
           {"version", "\"" + std::string(max_gateway_version_size + 1, '1') + "\""},
           {"version", R"("\u0007")"},
           {"leaving", R"("true")"}}) {
    EXPECT_FALSE(decode_report(with(name, value))) << with(name, value);
  }
  EXPECT_FALSE(decode_report(R"({"gateway":"edge-1","epoch":3,"sequence":1,"epoch":4})"));
  EXPECT_FALSE(decode_report(encode_report(report_of_edge()) + "{}"));
  EXPECT_FALSE(
      decode_report(R"({"gateway":"edge-1","epoch":3,"sequence":1,"x":")" + std::string(5000, 'x') + "\"}"));
}

}  // namespace revoked::cache::report_test
