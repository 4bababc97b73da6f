#include "cache/bus/usage.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::usage_test {

using engine::Attempts;
using engine::Usage;

constexpr engine::UnixMs at = 1'767'322'440'000;  // 2026-01-02T02:54:00.000Z

Usage sample() {
  Usage usage;
  usage.gateway = "edge-1";
  usage.batch = "4711-1";
  usage.uses = {
      {"k1", engine::minute_of(at)}, {"k2", engine::minute_of(at)}, {"k3", engine::minute_of(at) + 1}};
  usage.denied = {{"k4", {12, at + 1, at + 2}, "192.0.2.0/24"}, {"k5", {1, at, at}, {}}};
  usage.dropped = 3;
  return usage;
}

TEST(UsageReport, IsReadAsItWasWritten) {
  const auto text = encode_usage(sample());
  EXPECT_EQ(text, R"({"gateway":"edge-1","batch":"4711-1","uses":[)"
                  R"({"at":"2026-01-02T02:54:00.000Z","key_ids":["k1","k2"]},)"
                  R"({"at":"2026-01-02T02:55:00.000Z","key_ids":["k3"]}],"denied":[)"
                  R"({"key_id":"k4","count":12,"first_at":"2026-01-02T02:54:00.001Z",)"
                  R"("last_at":"2026-01-02T02:54:00.002Z","address":"192.0.2.0/24"},)"
                  R"({"key_id":"k5","count":1,"first_at":"2026-01-02T02:54:00.000Z",)"
                  R"("last_at":"2026-01-02T02:54:00.000Z"}],"dropped":3})");
  EXPECT_TRUE(may_be_usage(text));
  const auto read = decode_usage(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(encode_usage(*read), text);
}

TEST(UsageReport, ToleratesMembersOfALaterVersion) {
  EXPECT_TRUE(decode_usage(R"({"gateway":"g","batch":"b","more":{"x":[1]}})"));
  EXPECT_TRUE(decode_usage(R"({"batch":"b","gateway":"g","uses":[],"denied":[],"dropped":0})"));
}

TEST(UsageReport, RefusesWhatIsNotOfItsForm) {
  const auto refused = [](const std::string& json) { return decode_usage(json).has_error(); };
  const auto with = [](const std::string& members) {
    return R"({"gateway":"g","batch":"b",)" + members + "}";
  };
  const auto attempt = [&](const std::string& members) { return with(R"("denied":[{)" + members + "}]"); };
  const std::string times = R"("first_at":"2026-01-02T02:54:00Z","last_at":"2026-01-02T02:54:01Z")";
  ASSERT_FALSE(refused(attempt(R"("key_id":"k","count":1,)" + times)));
  for (
      const auto& json : {
          std::string(),
          std::string("[]"),
          std::string(R"({"gateway":"g"})"),
          std::string(R"({"batch":"b"})"),
          std::string(R"({"gateway":"","batch":"b"})"),
          std::string(R"({"gateway":"g","batch":""})"),
          std::string(R"({"gateway":"g","batch":"b"} x)"),
          R"({"gateway":"g","batch":")" + std::string(max_batch_id_size + 1, 'b') + "\"}",
          with(R"("epoch":1)"),
          with(R"("dropped":-1)"),
          with(R"("dropped":9007199254740993000)"),
          with(R"("uses":{})"),
          with(R"("uses":[{"at":"2026-01-02T02:54:00Z"}])"),
          with(R"("uses":[{"key_ids":["k"]}])"),
          with(R"("uses":[{"at":"yesterday","key_ids":["k"]}])"),
          with(R"("uses":[{"at":"2026-01-02T02:54:00Z","key_ids":["a/b"]}])"),
          with(R"("uses":[{"at":"2026-01-02T02:54:00Z","key_ids":[1]}])"),
          attempt(R"("key_id":"k",)" + times),
          attempt(R"("key_id":"k","count":0,)" + times),
          attempt(R"("key_id":"","count":1,)" + times),
          attempt(
              R"("key_id":"k","count":1,"first_at":"2026-01-02T02:54:01Z","last_at":"2026-01-02T02:54:00Z")"),
          attempt(R"("key_id":"k","count":1,"address":"192.0.2.7",)" + times),
          attempt(R"("key_id":"k","count":1,"address":"192.0.2.7/24",)" + times),
          attempt(R"("key_id":"k","count":1,"address":"somewhere",)" + times),
      }) {
    EXPECT_TRUE(refused(json)) << json;
  }
}

TEST(UsageReport, IsBounded) {
  auto usage = sample();
  usage.uses.assign(max_reported_keys, {"k", 1});
  EXPECT_TRUE(decode_usage(encode_usage(usage)));
  usage.uses.push_back({"k", 1});
  EXPECT_FALSE(decode_usage(encode_usage(usage)));
  usage.uses.assign(max_reported_keys, {std::string(128, 'k'), 1});
  usage.uses.resize(max_usage_bytes / 128, usage.uses.front());
  EXPECT_FALSE(decode_usage(encode_usage(usage)));
}

TEST(Networks, AreOfAddressesInTheirUsualForms) {
  const auto network = [](std::string_view text) { return network_of(read_address(text)); };
  EXPECT_EQ(network("192.0.2.77"), "192.0.2.0/24");
  EXPECT_EQ(network("192.0.2.77:8080"), "192.0.2.0/24");
  EXPECT_EQ(network("::ffff:192.0.2.77"), "192.0.2.0/24");
  EXPECT_EQ(network("2001:db8:1:2:3::4"), "2001:db8:1::/48");
  EXPECT_EQ(network("[2001:db8:1:2:3::4]:443"), "2001:db8:1::/48");
  for (const auto* text : {"", "unknown", "192.0.2", "_hidden", "[", "1.2.3.4, 5.6.7.8"})
    EXPECT_TRUE(read_address(text).is_unspecified()) << text;
}

}  // namespace revoked::cache::usage_test
