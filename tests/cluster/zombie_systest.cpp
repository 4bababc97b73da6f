// A leader that is stopped for longer than its lease, with requests that wait for it, and goes on: it
// acknowledges nothing of that and answers nothing as current. The engines' clocks are an hour apart, since
// nothing may depend on that they agree.

#include <gmock/gmock.h>
#include <signal.h>

#include "tests/cluster/cluster.hpp"
#include "tests/support/gateway_observer.hpp"
#include "tests/support/revocation_load.hpp"

namespace revoked::test::zombie_systest {

using cluster::lease;

// Of Debian's package libfaketime; empty: it is not installed, or cannot be used, since a sanitizer's library
// must be the first.
std::filesystem::path wrong_clock_library() {
  if (programs_are_sanitized()) return {};
  std::error_code none;
  for (const auto& folder : std::filesystem::directory_iterator("/usr/lib", none)) {
    auto library = folder.path() / "faketime/libfaketimeMT.so.1";
    if (std::filesystem::exists(library, none)) return library;
  }
  return {};
}

class AFormerLeader : public testing::Test, protected cluster::EngineCluster {
 protected:
  AFormerLeader() : EngineCluster({.engines = 1}) {
    for (const auto* offset : {"+3600", "-3600"}) {
      auto options = engine_options();
      // Of the clock that shows the date. Those that measure time do not agree between hosts either, but
      // fakes of them break waits with a deadline.
      const auto library = wrong_clock_library();
      if (!library.empty())
        options.under = {"env", "LD_PRELOAD=" + library.string(), std::string("FAKETIME=") + offset,
                         "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"};
      engines_.push_back(std::make_unique<EngineProcess>(options));
    }
  }
  void SetUp() override {
    if (wrong_clock_library().empty() && !programs_are_sanitized())
      GTEST_SKIP() << "libfaketime is not installed";
  }

  // Of what it said before its end.
  static std::vector<HttpResponse> answers(HttpClient& client) {
    std::vector<HttpResponse> all;
    try {
      for (;;) all.push_back(client.receive());
    } catch (const ConnectionFailed&) {
    }
    return all;
  }
  // Of the first line of its log: 2026-01-02T03.
  static std::string hour_of(const EngineProcess& engine) {
    constexpr std::string_view before = "\"at\":\"";
    std::string hour;
    EXPECT_TRUE(eventually([&] {
      const auto log = engine.log_text();
      const auto at = log.find(before);
      if (at != log.npos) hour = log.substr(at + before.size(), std::string_view("2026-01-02T03").size());
      return !hour.empty();
    }));
    return hour;
  }
};

TEST_F(AFormerLeader, AcknowledgesNothingOfAFullQueueAndAnswersNothingAsCurrent) {
  constexpr std::size_t connections = 32;
  constexpr auto stale_after = 3s;
  std::set<std::string> hours;
  for (const auto& engine : engines_) hours.insert(hour_of(*engine));
  if (!programs_are_sanitized()) {
    EXPECT_EQ(hours.size(), engines_.size()) << "the clocks agree";
  }
  Lateness lateness(stale_after);
  for (int round = 0; round < 2; ++round) {
    auto& first = any("leader");
    std::cerr << "engine " << index_of(first) << " is stopped\n";
    GatewayProcess gateway(first, gateway_options("3s", index_of(first)));
    RevocationLoad load(first, {}, 8, RevocationLoad::Supply::endless);
    const GatewayObserver observer({.name = "its gateway", .port = gateway.port()}, load.acknowledgements(),
                                   lateness);
    EXPECT_TRUE(eventually([&] { return load.count() > 50; }));
    const auto user = "user-" + std::to_string(round);
    const auto ended = create_keys(first, connections, json_object({{"user", user}}));
    const auto queued = create_keys(first, connections);
    std::vector<HttpClient> waiting;
    for (std::size_t i = 0; i < connections; ++i) {
      waiting.push_back(first.client());
      waiting.back().connect();
    }

    first.process().signal(SIGSTOP);  // with appends of the load under way
    for (std::size_t i = 0; i < connections; ++i) {
      auto& client = waiting[i];
      client.send(client.format("DELETE", "/v1/keys/" + queued[i].key_id) +
                  client.format("POST", "/v1/keys/verify", {}, json_object({{"secret", ended[i].secret}})) +
                  client.format("GET", "/v1/keys/" + ended[i].key_id));
    }
    EngineProcess* next = nullptr;
    EXPECT_TRUE(eventually([&] {
      for (auto& engine : engines_) {
        if (engine.get() != &first && role_of(*engine) == "leader") next = engine.get();
      }
      return next != nullptr;
    }));
    auto client = next->client();
    EXPECT_EQ(revoke_owner(client, "user", user).status, 200);
    first.process().signal(SIGCONT);

    std::size_t answered = 0;
    for (auto& each : waiting) {
      for (const auto& answer : answers(each)) {
        ++answered;
        EXPECT_GE(answer.status, 500) << answer.body;
      }
    }
    std::cerr << answered << " of " << 3 * connections << " requests were answered, with 5xx\n";
    EXPECT_TRUE(eventually([&] { return role_of(first) == "follower"; })) << first.process().description();
    const auto so_far = load.count();
    EXPECT_TRUE(eventually([&] { return load.count() > so_far + 50; })) << "through it, as a follower";
    load.stop();
    EXPECT_THAT(load.surprises(), testing::IsEmpty());
    expect_in_the_journal_once(load.acknowledged());
    auto again = first.client();
    for (std::size_t i = 0; i < connections; ++i) {
      EXPECT_EQ(state_of(again, ended[i].key_id), "revoked");
      EXPECT_EQ(revoke(again, queued[i].key_id).status, 200);
    }
    EXPECT_EQ(lateness.violations(), "");
  }
}

}  // namespace revoked::test::zombie_systest
