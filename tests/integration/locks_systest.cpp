// A thousand owners, locked and unlocked while engine and gateways are under load.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "engine/base/time.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revocation_load.hpp"
#include "tests/support/rfc3339.hpp"

namespace revoked::test::locks_systest {

constexpr std::size_t owners = 1000;

std::string lock_of(std::size_t owner) { return "/v1/users/u" + std::to_string(owner) + "/lock"; }

// Checks and verifies all keys, and revokes others, until it is destroyed.
class OtherWork {
 public:
  OtherWork(const EngineProcess& engine, const std::vector<const GatewayProcess*>& gateways,
            const std::vector<CreatedKey>& keys)
      : revocations_(engine, {}, 1, RevocationLoad::Supply::endless) {
    for (const auto* gateway : gateways) {
      threads_.emplace_back([this, &keys, client = gateway->client()]() mutable {
        std::mt19937 random(1);
        while (!stopping_) {
          const auto& key = keys[random() % keys.size()];
          const auto answer = check(client, key.secret);
          if (!expected(answer.status)) {
            const std::lock_guard lock(mutex_);
            surprises_.push_back(key.key_id + ": " + std::to_string(answer.status) + " " +
                                 answer.header("X-Revoked-Reason"));
          }
        }
      });
    }
  }
  ~OtherWork() {
    stopping_ = true;
    for (auto& thread : threads_) thread.join();
  }
  const RevocationLoad& revocations() const { return revocations_; }
  std::vector<std::string> surprises() const {
    const std::lock_guard lock(mutex_);
    return surprises_;
  }

 private:
  // A sanitized engine may answer a question after the gateway's limit of one second: a 503, which is a
  // denial too.
  static bool expected(int status) {
    return status == 200 || status == 403 || (status == 503 && programs_are_sanitized());
  }

  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> surprises_;
  RevocationLoad revocations_;
  std::vector<std::thread> threads_;
};

class Locks : public testing::Test {
 protected:
  // One for each owner, named after it and `name`.
  std::vector<CreatedKey> import_keys(const std::string& name) {
    std::vector<CreatedKey> keys;
    std::string lines;
    for (std::size_t i = 0; i < owners; ++i) {
      const auto id = name + std::to_string(i);
      keys.push_back({id, "the-secret-of-" + id + "-of-the-test"});
      lines +=
          json_object({{"key_id", id}, {"secret", keys.back().secret}, {"user", "u" + std::to_string(i)}}) +
          "\n";
    }
    const auto answer = admin_.request("POST", "/v1/keys/import", {}, lines);
    EXPECT_EQ(answer.json()["created"].number(), std::int64_t{owners}) << answer.body;
    return keys;
  }
  void change_all(std::string_view method) {
    HttpClient client = engine_.client();
    std::vector<std::string> requests;
    for (std::size_t i = 0; i < owners; ++i) requests.push_back(client.format(method, lock_of(i)));
    exchange(client, requests, [](std::size_t i, const HttpResponse& answer) {
      ASSERT_EQ(answer.status, 200) << i << ": " << answer.body;
    });
  }
  // How many of the keys are in that state at the engine.
  std::size_t count_in(const std::vector<CreatedKey>& keys, std::string_view state) {
    HttpClient client = engine_.client();
    std::vector<std::string> requests;
    for (const auto& key : keys)
      requests.push_back(client.format("POST", "/v1/keys/verify", {}, json_object({{"secret", key.secret}})));
    std::size_t count = 0;
    exchange(client, requests, [&](std::size_t, const HttpResponse& answer) {
      count += answer.json()["state"].text() == state;
    });
    return count;
  }
  std::int64_t questions_of(const GatewayProcess& gateway) {
    return gateway.client().get("/healthz").json()["questions"].number();
  }

  RedisServer redis_;
  EngineProcess engine_{{.redis_url = redis_.url()}};
  GatewayProcess by_feed_{engine_};
  GatewayProcess by_redis_{engine_, {.redis_url = redis_.url()}};
  HttpClient admin_ = engine_.client();
};

TEST_F(Locks, OfAThousandOwnersHoldAndEndUnderLoadAtTheEngineAndTheGateways) {
  const auto keys = import_keys("first");
  const std::vector<const GatewayProcess*> gateways{&by_feed_, &by_redis_};
  for (const auto* gateway : gateways) ASSERT_EQ(count_allowed(*gateway, keys), owners);
  OtherWork work(engine_, gateways, keys);
  const int rounds = programs_are_sanitized() ? 1 : 3;
  for (int round = 0; round < rounds; ++round) {
    change_all("PUT");
    ASSERT_EQ(count_in(keys, "locked"), owners) << "P4: at once";
    for (const auto* gateway : gateways)
      ASSERT_TRUE(eventually([&] { return count_allowed(*gateway, keys) == 0; })) << "round " << round;

    const auto later = import_keys("later" + std::to_string(round) + "-");
    EXPECT_EQ(count_in(later, "locked"), owners) << "created under the lock";
    for (const auto* gateway : gateways) {
      EXPECT_EQ(count_allowed(*gateway, later), 0u);
      EXPECT_EQ(count_allowed(*gateway, keys), 0u) << "still";
    }

    change_all("DELETE");
    ASSERT_EQ(count_in(keys, "active"), owners);
    ASSERT_EQ(count_in(later, "active"), owners);
    for (const auto* gateway : gateways) {
      ASSERT_TRUE(eventually([&] { return count_allowed(*gateway, keys) == owners; })) << "round " << round;
      ASSERT_TRUE(eventually([&] { return count_allowed(*gateway, later) == owners; }));
    }
  }
  EXPECT_THAT(work.surprises(), testing::IsEmpty());
  EXPECT_THAT(work.revocations().surprises(), testing::IsEmpty());
  EXPECT_GT(work.revocations().count(), 0u);
}

TEST_F(Locks, AreAnsweredFromAGatewaysCacheUntilTheyEnd) {
  const auto key = create_key(admin_, {{"user", "u1"}});
  ASSERT_EQ(admin_.request("PUT", lock_of(1)).status, 200);
  for (auto* gateway : {&by_feed_, &by_redis_}) {
    HttpClient client = gateway->client();
    ASSERT_TRUE(eventually([&] { return check(client, key.secret).header("X-Revoked-Reason") == "locked"; }));
    EXPECT_EQ(check(client, key.secret).status, 403);
    const auto questions = questions_of(*gateway);
    for (int i = 0; i < 50; ++i) ASSERT_EQ(check(client, key.secret).status, 403);
    EXPECT_LE(questions_of(*gateway), questions + 5) << "not asked each time";
  }
  ASSERT_EQ(admin_.request("DELETE", lock_of(1)).status, 200);
  for (auto* gateway : {&by_feed_, &by_redis_}) {
    HttpClient client = gateway->client();
    EXPECT_TRUE(eventually([&] { return check(client, key.secret).status == 200; }));
  }
  // A lock with an end.
  const auto end = rfc3339(engine::now_unix_ms() + 1500);
  ASSERT_EQ(admin_.request("PUT", lock_of(1), {}, json_object({{"expires_at", end}})).status, 200);
  for (auto* gateway : {&by_feed_, &by_redis_}) {
    HttpClient client = gateway->client();
    EXPECT_TRUE(eventually(
        [&] { return check(client, key.secret).status == 403 || rfc3339(engine::now_unix_ms()) >= end; }));
  }
  for (auto* gateway : {&by_feed_, &by_redis_}) {
    HttpClient client = gateway->client();
    EXPECT_TRUE(eventually([&] { return check(client, key.secret).status == 200; }));
    EXPECT_GE(rfc3339(engine::now_unix_ms()), end);
  }
}

TEST_F(Locks, P1DurableSurviveKillNine) {
  const auto key = create_key(admin_, {{"user", "u1"}});
  const auto other = create_key(admin_, {{"user", "u2"}});
  ASSERT_EQ(admin_.request("PUT", lock_of(1)).status, 200);
  ASSERT_EQ(admin_.request("PUT", lock_of(2)).status, 200);
  ASSERT_EQ(admin_.request("DELETE", lock_of(2)).status, 200);
  engine_.kill();
  engine_.start();
  HttpClient again = engine_.client();
  EXPECT_EQ(verify(again, key.secret)["state"].text(), "locked");
  EXPECT_EQ(verify(again, other.secret)["state"].text(), "active");
  EXPECT_EQ(engine_.stop(), 0);  // makes a checkpoint if one is due
  engine_.start();
  HttpClient afterwards = engine_.client();
  EXPECT_EQ(verify(afterwards, key.secret)["state"].text(), "locked");
  EXPECT_TRUE(eventually([&] {
    HttpClient client = by_feed_.client();
    return check(client, key.secret).status == 403 && check(client, other.secret).status == 200;
  }));
}

}  // namespace revoked::test::locks_systest
