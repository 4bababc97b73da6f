// Engines and PostgreSQL on hosts of their own; an engine is cut from PostgreSQL, in one direction or both.

#include <gmock/gmock.h>

#include "tests/cluster/cluster.hpp"
#include "tests/support/revocation_load.hpp"

namespace revoked::test::cluster_links_systest {

using cluster::Clock;
using cluster::lease;
using Direction = Network::Direction;

class LinksOfEngines : public testing::Test, protected cluster::EngineCluster {
 protected:
  LinksOfEngines() : EngineCluster({.more_hosts = 1}) {}
  void SetUp() override {
    if (network() == nullptr) GTEST_SKIP() << Network::why_not;
  }

  std::vector<Direction> to_postgres(const EngineProcess& engine) const {
    return {{host_of_engine(engine), 0}, {host_of_engine(engine), 1}};
  }
  std::vector<Direction> from_postgres(const EngineProcess& engine) const {
    return {{0, host_of_engine(engine)}, {1, host_of_engine(engine)}};
  }
  // What it answers, by a connection of its own; 0: nothing.
  int status_of(const EngineProcess& engine, std::string_view method, const std::string& target,
                const std::string& body = {}) const {
    const auto stay = stay_at(engine);
    try {
      auto client = engine.client();
      return client.request(method, target, {}, body).status;
    } catch (const ConnectionFailed&) {
      return 0;
    }
  }
  CreatedKey create_key_at(const EngineProcess& engine, Members members = {}) const {
    const auto stay = stay_at(engine);
    auto client = engine.client();
    return create_key(client, members);
  }
  EngineProcess* leader_besides(const EngineProcess& one) const {
    for (auto& engine : engines_) {
      if (engine.get() != &one && role_of(*engine) == "leader") return engine.get();
    }
    return nullptr;
  }
};

// Half-open: what the engine sends arrives, and no answer; or the engine's words are lost.
TEST_F(LinksOfEngines, ALeaderThatIsHalfCutFromPostgresAcknowledgesNothing) {
  for (const bool hears : {true, false}) {
    auto& cut = any("leader");
    const auto lost = create_key_at(cut), key = create_key_at(cut);
    RevocationLoad load = [&] {
      const auto stay = stay_at(cut);
      return RevocationLoad(cut, {}, 4, RevocationLoad::Supply::endless);
    }();
    EXPECT_TRUE(eventually([&] { return load.count() > 50; }));
    network_->cut(hears ? to_postgres(cut) : from_postgres(cut));
    const auto began = Clock::now();
    const auto status = status_of(cut, "DELETE", "/v1/keys/" + lost.key_id);
    EXPECT_TRUE(status == 0 || status >= 500) << status;
    EXPECT_LT(Clock::now() - began, programs_are_sanitized() ? 30s : 10s);
    EXPECT_TRUE(eventually([&] { return leader_besides(cut) != nullptr; }));
    auto& next = any("leader");
    revoke_surely(next, key.key_id);
    std::cerr << "another engine leads, and has revoked a key, after "
              << std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count()
              << " ms\n";
    EXPECT_NE(role_of(cut), "leader");
    EXPECT_NE(role_of(cut), "follower");
    network_->mend();
    EXPECT_TRUE(eventually([&] { return role_of(cut) == "follower"; }));
    const auto so_far = load.count();
    EXPECT_TRUE(eventually([&] { return load.count() > so_far + 50; })) << "through the former leader";
    load.stop();
    EXPECT_THAT(load.surprises(), testing::IsEmpty());
    expect_in_the_journal_once(load.acknowledged());
  }
}

TEST_F(LinksOfEngines, AnEngineThatIsCutFromPostgresEndsOnASignal) {
  auto& cut = any("leader");
  const auto key = create_key_at(cut);
  network_->cut(from_postgres(cut));
  const auto began = Clock::now();
  EXPECT_EQ(cut.stop(), 0);
  EXPECT_LT(Clock::now() - began, programs_are_sanitized() ? 40s : 15s);
  network_->mend();
  revoke_surely(follower(), key.key_id);
}

TEST_F(LinksOfEngines, AFollowerThatIsCutFromPostgresSaysSoAndItsGatewaysGoOn) {
  auto& cut = follower();
  const auto key = create_key_at(cut), later = create_key_at(cut);
  const auto verify_body = json_object({{"secret", key.secret}});
  const auto options = gateway_options("3s", index_of(cut));
  const auto here = stay_at(first_free_host());
  GatewayProcess gateway(cut, options);
  auto checks = gateway.client();
  EXPECT_EQ(check(checks, key.secret).status, 200);
  EXPECT_EQ(checks.get("/healthz").json()["engine"].text(), cut.url());

  auto both = to_postgres(cut);
  const auto back = from_postgres(cut);
  both.insert(both.end(), back.begin(), back.end());
  network_->cut(both);
  const auto began = Clock::now();
  int stale = 0;
  EXPECT_TRUE(eventually([&] {
    stale += check(checks, key.secret).status == 503 ? 1 : 0;
    return status_of(cut, "POST", "/v1/keys/verify", verify_body) == 503;
  }));
  EXPECT_LT(Clock::now() - began, programs_are_sanitized() ? 15s : lease + 1s);
  {
    const auto stay = stay_at(cut);
    auto asks = cut.client();
    const auto ready = asks.get("/readyz");
    EXPECT_EQ(ready.status, 503);
    EXPECT_EQ(ready.json()["status"].text(), "not_current");
    const auto refused = asks.get("/v1/keys/" + key.key_id);
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.json()["code"].text(), "not_current");
    EXPECT_NE(refused.header("Retry-After"), "");
    EXPECT_EQ(asks.get("/livez").status, 200);
  }
  auto& other = any("leader");
  revoke_surely(other, key.key_id);
  EXPECT_TRUE(eventually([&] {
    stale += check(checks, later.secret).status == 503 ? 1 : 0;
    return checks.get("/healthz").json()["engine"].text() != cut.url();
  }));
  EXPECT_TRUE(eventually([&] { return check(checks, key.secret).status == 403; }));
  EXPECT_EQ(check(checks, later.secret).status, 200);
  if (!programs_are_sanitized()) {
    EXPECT_EQ(stale, 0) << "while other engines were current";
  }

  network_->mend();
  EXPECT_TRUE(eventually([&] { return role_of(cut) == "follower"; }));
  EXPECT_EQ(status_of(cut, "DELETE", "/v1/keys/" + later.key_id), 200);
}

// The follower reaches the leader from 10.77.x.2, the caller reaches the follower from 127.0.0.1.
TEST_F(LinksOfEngines, TheAuditTrailHasTheAddressOfTheCallerOfAFollower) {
  auto& leads = any("leader");
  auto& follows = follower();
  const auto addresses = [&](const std::string& key_id) {
    const auto stay = stay_at(leads);
    auto client = leads.client();
    std::vector<std::string> all;
    const auto answer = client.get("/v1/audit?key_id=" + key_id).json();
    for (const auto& entry : answer["entries"].items()) all.push_back(entry["address"].text());
    return all;
  };
  const Headers forged{{"Revoked-Forwarded", "a-guess 192.0.2.7"}, {"X-Forwarded-For", "192.0.2.8"}};
  const auto use = [&](EngineProcess& engine) {
    const auto stay = stay_at(engine);
    auto client = engine.client();
    auto headers = forged;
    headers.emplace_back("Idempotency-Key", "\"the-same-" + std::to_string(engine.port()) + "\"");
    const auto created = client.request("POST", "/v1/keys", headers, "{}");
    EXPECT_EQ(created.status, 201) << created.body;
    EXPECT_EQ(client.request("POST", "/v1/keys", headers, "{}").body, created.body);
    const auto key_id = created.json()["key_id"].text();
    EXPECT_EQ(client.request("DELETE", "/v1/keys/" + key_id, forged).status, 200);
    return key_id;
  };
  for (auto* const engine : {&follows, &leads}) {
    const auto all = addresses(use(*engine));
    EXPECT_EQ(all.size(), 2u);
    EXPECT_THAT(all, testing::Each("127.0.0.1")) << "of " << role_of(*engine);
  }
}

}  // namespace revoked::test::cluster_links_systest
