// GET /watch: an answer that is held until its key is denied.

#include <gtest/gtest.h>
#include <signal.h>

#include <future>
#include <iostream>
#include <list>

#include "tests/support/nginx_server.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/rfc3339.hpp"
#include "tests/support/watch_client.hpp"

namespace revoked::test::watch_systest {

class Watches : public testing::Test {
 protected:
  // A lease that no restart of a slow engine outlasts.
  explicit Watches(std::vector<std::string> arguments = {"--stale-after", "30s"})
      : gateway_(engine_, {.arguments = std::move(arguments)}) {}

  CreatedKey create(Members members = {}) { return create_key(admin_, members); }
  std::int64_t size() { return gateway_.client().get("/healthz").json()["watches"].number(); }
  void put(const std::string& target) {
    EXPECT_EQ(admin_.request("PUT", target, {}, "{}").status, 200) << target;
  }

  EngineProcess engine_;
  GatewayProcess gateway_;
  HttpClient admin_ = engine_.client();
};

TEST_F(Watches, EndWithTheReason) {
  // With the defaults of nginx, too: HTTP/1.0, buffered answers.
  NginxServer nginx(plain_proxy_config(gateway_.port()));
  const auto soon = rfc3339(engine::now_unix_ms() + (programs_are_sanitized() ? 20'000 : 4000));
  const CreatedKey keys[] = {create(), create({{"user", "ann"}}), create({{"user", "bob"}}),
                             create({{"application", "shop"}}), create({{"expires_at", soon}})};
  const std::string reasons[] = {"revoked", "revoked", "suspended", "locked", "expired"};
  std::list<WatchClient> watches;
  for (const bool is_proxied : {false, true}) {
    for (const auto& key : keys) {
      auto& watch = watches.emplace_back(is_proxied ? nginx.client() : gateway_.client(), key.secret);
      ASSERT_EQ(watch.status(), 200) << nginx.error_log() << gateway_.log_text();
      EXPECT_EQ(watch.head().header("Content-Type"), "text/event-stream");
    }
  }
  const auto live = create();
  WatchClient other(gateway_.client(), live.secret);
  EXPECT_EQ(size(), 11);
  ASSERT_EQ(revoke(admin_, keys[0].key_id).status, 200);
  ASSERT_EQ(revoke_owner(admin_, "user", "ann").status, 200);
  ASSERT_EQ(admin_.request("POST", "/v1/keys/" + keys[2].key_id + "/suspend", {}, "{}").status, 200);
  put("/v1/applications/shop/lock");
  for (auto at = watches.begin(); const auto& reason : reasons) EXPECT_EQ(at++->reason(), reason);
  for (auto at = std::next(watches.begin(), 5); const auto& reason : reasons)
    EXPECT_EQ(at++->reason(), reason);
  EXPECT_EQ(size(), 1);
  other.leave();
  EXPECT_TRUE(eventually([&] { return size() == 0; })) << "who has left is not watching";
}

TEST_F(Watches, OfADeniedKeyAreAnsweredLikeChecks) {
  const auto key = create();
  ASSERT_EQ(revoke(admin_, key.key_id).status, 200);
  HttpClient client = gateway_.client();
  EXPECT_TRUE(eventually([&] { return check(client, key.secret).status == 403; }));
  const auto denied = client.get("/watch", {{"Authorization", "Bearer " + key.secret}});
  EXPECT_EQ(denied.status, 403);
  EXPECT_EQ(denied.header("X-Revoked-Reason"), "revoked");
  EXPECT_EQ(client.get("/watch", {{"X-API-Key", "rvk_unknown"}}).status, 401);
  const auto missing = client.get("/watch");
  EXPECT_EQ(missing.status, 401);
  EXPECT_EQ(missing.header("X-Revoked-Reason"), "missing");
  EXPECT_EQ(client.request("POST", "/watch").status, 405);
  EXPECT_EQ(client.request("OPTIONS", "/watch").header("Allow"), "GET, OPTIONS");
}

TEST_F(Watches, ArePollsWithAWait) {
  const auto key = create();
  HttpClient client = gateway_.client();
  const auto poll = [&](const std::string& prefer) {
    return client.get("/watch", {{"Authorization", "Bearer " + key.secret}, {"Prefer", prefer}});
  };
  EXPECT_EQ(poll("wait=0").body, R"({"denied":false})");
  EXPECT_EQ(poll("respond-async, wait=1").body, R"({"denied":false})") << "on the same connection";
  EXPECT_EQ(poll("wait=long").status, 400);
  auto polled = std::async(std::launch::async, [&] { return poll("wait=100000"); });
  EXPECT_TRUE(eventually([&] { return size() == 1; }));
  ASSERT_EQ(revoke(admin_, key.key_id).status, 200);
  const auto answer = polled.get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"denied":true,"reason":"revoked"})");
  EXPECT_EQ(answer.header("Preference-Applied"), "wait=300");
  EXPECT_EQ(poll("wait=1").status, 403);
}

TEST_F(Watches, EndWhenTheGatewayStops) {
  const auto key = create();
  WatchClient watch(gateway_.client(), key.secret);
  ASSERT_EQ(watch.status(), 200);
  gateway_.process().signal(SIGTERM);
  EXPECT_EQ(watch.reason(), "none") << "not denied: ask another gateway";
  watch.leave();
  EXPECT_EQ(gateway_.stop(), 0);
}

TEST_F(Watches, OutliveAnEngineThatRestarts) {
  const auto key = create({{"user", "ann"}});
  WatchClient watch(gateway_.client(), key.secret);
  ASSERT_EQ(watch.status(), 200);
  engine_.kill();
  engine_.start();
  HttpClient admin = engine_.client();
  ASSERT_EQ(revoke_owner(admin, "user", "ann").status, 200);
  EXPECT_EQ(watch.reason(), "revoked");
}

TEST_F(Watches, MissNoRevocationWhileTheyBegin) {
  constexpr int rounds = 60;
  const auto keys = create_keys(engine_, rounds);
  HttpClient client = gateway_.client();
  int held = 0;
  for (const auto& key : keys) {
    if (held % 2 == 0) check(client, key.secret);  // cached
    auto revoked = std::async(std::launch::async, [&] { return revoke(admin_, key.key_id).status; });
    WatchClient watch(gateway_.client(), key.secret);
    if (watch.status() == 200) {
      ++held;
      EXPECT_EQ(watch.reason(), "revoked");
    } else {
      EXPECT_EQ(watch.status(), 403);
    }
    EXPECT_EQ(revoked.get(), 200);
  }
  std::cout << "held " << held << " of " << rounds << '\n';
}

class WatchesOfAShortLease : public Watches {
 protected:
  WatchesOfAShortLease() : Watches({"--stale-after", "1s"}) {}
};

TEST_F(WatchesOfAShortLease, EndWhenTheGatewayCannotKnow) {
  const auto key = create();
  WatchClient watch(gateway_.client(), key.secret);
  ASSERT_EQ(watch.status(), 200);
  engine_.process().signal(SIGSTOP);
  EXPECT_EQ(watch.reason(), "stale");
  HttpClient client = gateway_.client();
  EXPECT_EQ(client.get("/watch", {{"Authorization", "Bearer " + key.secret}}).status, 503);
  engine_.process().signal(SIGCONT);
  EXPECT_TRUE(eventually([&] { return WatchClient(gateway_.client(), key.secret).status() == 200; }));
}

class FewWatches : public Watches {
 protected:
  FewWatches() : Watches({"--watches", "2", "--watches-per-key", "1"}) {}
};

TEST_F(FewWatches, AreRefusedBeyondTheLimits) {
  const auto one = create();
  const auto two = create();
  const auto three = create();
  WatchClient first(gateway_.client(), one.secret);
  EXPECT_EQ(first.status(), 200);
  EXPECT_EQ(WatchClient(gateway_.client(), one.secret).status(), 429);
  WatchClient second(gateway_.client(), two.secret);
  EXPECT_EQ(second.status(), 200);
  HttpClient client = gateway_.client();
  const auto refused = client.get("/watch", {{"Authorization", "Bearer " + three.secret}});
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json()["code"].text(), "overloaded");
  EXPECT_EQ(check(client, three.secret).status, 200);
}

}  // namespace revoked::test::watch_systest
