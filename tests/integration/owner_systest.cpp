// Revoking all keys of a user, an application or a workspace: one event, one message, at one time.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/redis_connection.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revocation_load.hpp"

namespace revoked::test::owner_systest {

class P8Atomic : public testing::Test {
 protected:
  void import_keys(const std::string& user, std::size_t count) {
    std::string lines;
    for (std::size_t i = 0; i < count; ++i)
      lines +=
          json_object({{"secret", "secret-of-" + user + "-" + std::to_string(i)}, {"user", user}}) + "\n";
    const auto answer = admin_.request("POST", "/v1/keys/import", {}, lines);
    ASSERT_EQ(answer.json()["created"].number(), static_cast<std::int64_t>(count)) << answer.body;
  }

  RedisServer redis_;
  EngineProcess engine_{{.redis_url = redis_.url()}};
  HttpClient admin_ = engine_.client();
};

class P8AtomicByScope : public P8Atomic, public testing::WithParamInterface<const char*> {};

TEST_P(P8AtomicByScope, EndsTheOwnersKeysAndLeavesThoseCreatedAfterwards) {
  const std::string scope = GetParam();
  GatewayProcess gateway(engine_, {.redis_url = redis_.url()});
  HttpClient client = gateway.client();
  std::vector<CreatedKey> theirs;
  for (int i = 0; i < 10; ++i) theirs.push_back(create_key(admin_, {{scope, "o1"}}));
  const CreatedKey other = create_key(admin_, {{scope, "o2"}});
  ASSERT_EQ(count_allowed(gateway, theirs), theirs.size());
  ASSERT_EQ(check(client, other.secret).status, 200);
  ASSERT_EQ(revoke(admin_, theirs[0].key_id).status, 200);

  const HttpResponse answer = revoke_owner(admin_, scope, "o1");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["scope"].text(), scope);
  EXPECT_EQ(answer.json()["id"].text(), "o1");
  EXPECT_EQ(answer.json()["revoked"].number(), 9);  // one was revoked by itself before
  for (const auto& key : theirs) ASSERT_FALSE(verify(admin_, key.secret)["active"].is_true());
  EXPECT_TRUE(eventually([&] { return check(client, theirs[9].secret).status == 403; }));
  EXPECT_EQ(count_allowed(gateway, theirs), 0u);
  EXPECT_EQ(check(client, other.secret).status, 200);

  const CreatedKey afterwards = create_key(admin_, {{scope, "o1"}});
  EXPECT_TRUE(verify(admin_, afterwards.secret)["active"].is_true());
  EXPECT_EQ(check(client, afterwards.secret).status, 200);
  EXPECT_EQ(revoke_owner(admin_, scope, "o1").json()["revoked"].number(), 1);
  EXPECT_EQ(revoke_owner(admin_, scope, "nobody").json()["revoked"].number(), 0);
}

INSTANTIATE_TEST_SUITE_P(, P8AtomicByScope, testing::Values("user", "application", "workspace"),
                         [](const auto& scope) { return std::string(scope.param); });

TEST_F(P8Atomic, IsOneEventAndOneMessage) {
  const auto keys = create_keys(engine_, 100, R"({"user":"many"})");
  RedisConnection listener(redis_.url());
  listener.command({"SUBSCRIBE", "revoked:v1:invalidations"});
  ASSERT_TRUE(eventually([&] { return listener.next_message(3s).has_value(); })) << "no heartbeat";
  const engine::Position position = position_of(revoke_owner(admin_, "user", "many"));
  const engine::Position after = position_of(admin_.get("/v1/invalidations"));
  EXPECT_EQ(after, position) << "one event moves the position by one, and nothing follows it";

  int with_events = 0;
  int events = 0;
  for (auto message = listener.next_message(3s); message; message = listener.next_message(3s)) {
    const Json json = Json::parse(*message);
    if (json["events"].size() > 0) {
      ++with_events;
      events += static_cast<int>(json["events"].size());
      EXPECT_EQ(json["events"][0]["type"].text(), "owner.revoked");
      EXPECT_EQ(json["events"][0]["scope"].text(), "user");
      EXPECT_EQ(json["events"][0]["id"].text(), "many");
    } else if (with_events > 0) {
      break;  // the heartbeat after it
    }
  }
  EXPECT_EQ(with_events, 1);
  EXPECT_EQ(events, 1);
}

TEST_F(P8Atomic, TakesNoLongerForAUserWithManyKeysThanForOneWithOne) {
  const std::size_t many = programs_are_sanitized() ? 10'000 : 30'000;
  constexpr int users = 3;  // several, since the machine may be busy while one is timed
  for (int i = 0; i < users; ++i) import_keys("many-" + std::to_string(i), many);
  constexpr int rounds = 21;
  for (int i = 0; i < rounds; ++i) create_key(admin_, {{"user", "one-" + std::to_string(i)}});

  const auto time = [&](const std::string& user, std::int64_t expected) {
    const auto start = std::chrono::steady_clock::now();
    const HttpResponse answer = revoke_owner(admin_, "user", user);
    const auto taken = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(answer.json()["revoked"].number(), expected) << answer.body;
    return std::chrono::duration<double, std::milli>(taken).count();
  };
  std::vector<double> ones;
  for (int i = 0; i < rounds; ++i) ones.push_back(time("one-" + std::to_string(i), 1));
  std::ranges::sort(ones);
  double all = time("many-0", many);
  for (int i = 1; i < users; ++i) all = std::min(all, time("many-" + std::to_string(i), many));
  RecordProperty("one_key_median_ms", std::to_string(ones[rounds / 2]));
  RecordProperty("many_keys_ms", std::to_string(all));
  // A scan of 30,000 keys would take longer.
  EXPECT_LT(all, ones.back() + 5.0);
}

TEST_F(P8Atomic, SurvivesARestartWithItsCounts) {
  create_keys(engine_, 20, R"({"workspace":"w","user":"u"})");
  ASSERT_EQ(revoke_owner(admin_, "user", "u").json()["revoked"].number(), 20);
  const CreatedKey later = create_key(admin_, {{"workspace", "w"}, {"user", "u"}});
  EXPECT_EQ(engine_.stop(), 0);
  engine_.start();
  HttpClient client = engine_.client();
  EXPECT_EQ(state_of(client, later.key_id), "active");
  EXPECT_EQ(revoke_owner(client, "user", "u").json()["revoked"].number(), 1);
  EXPECT_EQ(state_of(client, later.key_id), "revoked");
}

}  // namespace revoked::test::owner_systest
