// An engine that takes the lead and cannot begin its epoch: nobody hears of that epoch, gateways go on, and
// the next engine need not wait for a lease.

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/cluster/cluster.hpp"

namespace revoked::test::fence_systest {

using testing::IsEmpty;

class Fence : public testing::Test, protected cluster::EngineCluster {
 protected:
  // No epoch after the one that is now: what begins it waits for a while, and is refused.
  void refuse_new_epochs() {
    pair_.primary().rows(
        "CREATE TABLE refusal AS SELECT max(epoch) AS newest FROM revoked.journal;"
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        "  IF NEW.epoch > (SELECT newest FROM refusal) THEN PERFORM pg_sleep(0.5); RAISE 'refused'; END IF;"
        "  RETURN NEW; END $$;"
        "CREATE TRIGGER refuses BEFORE INSERT ON revoked.journal FOR EACH ROW EXECUTE FUNCTION refuse()");
  }
  void allow_new_epochs() { pair_.primary().rows("DELETE FROM refusal"); }
  bool has_any_given_up() const {
    return std::ranges::any_of(engines_, [](const auto& engine) {
      const auto log = engine->log_text();
      return log.find("the shared journal: stops") != std::string::npos &&
             log.find("gave up the lead") != std::string::npos;
    });
  }
};

TEST_F(Fence, NobodyHearsOfAnEpochThatDoesNotBegin) {
  auto& first = any("leader");
  std::vector<EngineProcess*> others;
  for (auto& engine : engines_) {
    if (engine.get() != &first) others.push_back(engine.get());
  }
  auto admin = first.client();
  const auto key = create_key(admin);
  const auto journal = verify(admin, key.secret)["journal"].text();
  // Each uses another engine, one of which takes the lead.
  std::vector<std::unique_ptr<GatewayProcess>> gateways;
  for (const auto* engine : others) {
    gateways.push_back(std::make_unique<GatewayProcess>(*engine, gateway_options("30s", index_of(*engine))));
    auto client = gateways.back()->client();
    ASSERT_TRUE(eventually([&] { return check(client, key.secret).status == 200; }));
  }
  std::atomic<bool> stopping = false;
  std::vector<std::string> undecided, unborn;
  std::thread asks_gateways([&] {
    for (; !stopping; std::this_thread::sleep_for(5ms)) {
      for (auto& gateway : gateways) {
        auto client = gateway->client();
        const auto answer = check(client, key.secret);
        if (answer.status != 200) undecided.emplace_back(answer.header("X-Revoked-Reason"));
      }
    }
  });
  std::thread asks_engines([&] {
    for (; !stopping; std::this_thread::sleep_for(5ms)) {
      for (const auto* engine : others) {
        try {
          auto client = engine->client();
          const auto named = verify(client, key.secret)["journal"].text();
          if (!named.empty() && named != journal) unborn.push_back(named);
        } catch (const ConnectionFailed&) {
        }
      }
    }
  });
  refuse_new_epochs();
  first.kill();
  EXPECT_TRUE(eventually([&] { return has_any_given_up(); }))
      << others[0]->log_text() << others[1]->log_text();
  stopping = true;
  asks_gateways.join();
  asks_engines.join();
  EXPECT_THAT(unborn, IsEmpty());
  EXPECT_THAT(undecided, IsEmpty()) << gateways[0]->log_text() << gateways[1]->log_text();
  allow_new_epochs();
  revoke_surely(*others.front(), key.key_id);
}

}  // namespace revoked::test::fence_systest
