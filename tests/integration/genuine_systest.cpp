// A gateway follows one journal, that of its engine, even if others have the same positions.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/redis_connection.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::genuine_systest {

namespace fs = std::filesystem;

// How many of the keys a gateway allows.
std::size_t count_allowed_one_by_one(GatewayProcess& gateway, const std::vector<CreatedKey>& keys) {
  HttpClient client = gateway.client();
  return static_cast<std::size_t>(std::count_if(keys.begin(), keys.end(), [&](const CreatedKey& key) {
    return check(client, key.secret).status == 200;
  }));
}

void replace_data(const fs::path& from, EngineProcess& engine) {
  fs::remove_all(engine.data_directory());
  fs::copy(from, engine.data_directory(), fs::copy_options::recursive);
}

class P14Genuine : public testing::TestWithParam<const char*> {
 protected:
  static constexpr std::size_t keys = 20;
  EngineProcess::Options engine_options() const { return {redis_url(), arguments(), {}}; }
  GatewayProcess::Options gateway_options() const { return {{}, redis_url(), arguments()}; }
  std::string redis_url() const { return bus() == "feed" ? std::string() : redis_.url(); }
  std::vector<std::string> arguments() const {
    if (bus() != "signed") return {};
    return {"--bus-key-file", bus_key_file_.string()};
  }
  std::string bus() const { return GetParam(); }

  TemporaryDirectory directory_;
  fs::path bus_key_file_ = [this] {
    const auto path = directory_ / "bus.key";
    std::ofstream(path) << "a-key-for-the-bus-0123456789\n";
    return path;
  }();
  RedisServer redis_;
};

TEST_P(P14Genuine, ARestoredOlderCopyAllowsNoKeyThatIsRevokedOnceMore) {
  EngineProcess engine(engine_options());
  const auto live = create_keys(engine, keys);
  ASSERT_EQ(engine.stop(), 0);
  const auto copy = directory_ / "copy";
  fs::copy(engine.data_directory(), copy, fs::copy_options::recursive);

  engine.start();
  GatewayProcess gateway(engine, gateway_options());
  create_keys(engine, 3 * keys);  // not in the copy, so that the same sequences are assigned again
  ASSERT_EQ(count_allowed_one_by_one(gateway, live), keys) << gateway.log_text();
  // The gateway is paused until the engine is, in an epoch of the same number, beyond the gateway's position.
  gateway.process().signal(SIGSTOP);
  engine.kill();
  replace_data(copy, engine);
  engine.start();
  HttpClient admin = engine.client();
  for (const auto& key : live) ASSERT_EQ(revoke(admin, key.key_id).status, 200);
  create_keys(engine, 3 * keys);
  gateway.process().signal(SIGCONT);
  EXPECT_TRUE(eventually([&] { return count_allowed_one_by_one(gateway, live) == 0; })) << gateway.log_text();

  const auto another = create_key(admin);
  HttpClient client = gateway.client();
  EXPECT_TRUE(eventually([&] { return check(client, another.secret).status == 200; })) << gateway.log_text();
}

TEST_P(P14Genuine, ACopyThatRunsBesideTheEngineHidesNoRevocation) {
  EngineProcess engine(engine_options());
  EngineProcess twin(engine_options());
  const auto live = create_keys(engine, keys);
  ASSERT_EQ(engine.stop(), 0);
  ASSERT_EQ(twin.stop(), 0);
  replace_data(engine.data_directory(), twin);
  engine.start();
  twin.start();  // the same epoch number, and the same history before it
  GatewayProcess gateway(engine, gateway_options());
  ASSERT_EQ(count_allowed_one_by_one(gateway, live), keys) << gateway.log_text();
  HttpClient client = gateway.client();
  if (bus() != "feed") {
    EXPECT_TRUE(eventually([&] { return client.get("/healthz").json()["redis_connected"].is_true(); }));
  }
  create_keys(twin, 3 * keys);  // its positions are ahead
  HttpClient admin = engine.client();
  for (const auto& key : live) ASSERT_EQ(revoke(admin, key.key_id).status, 200);
  EXPECT_TRUE(eventually([&] { return count_allowed_one_by_one(gateway, live) == 0; })) << gateway.log_text();
  EXPECT_EQ(client.get("/readyz").status, 200);
  if (bus() != "feed") {
    EXPECT_GT(client.get("/healthz").json()["foreign_messages"].number(), 0);
    EXPECT_EQ(client.get("/healthz").json()["flushes"].number(), 1) << "nothing of it has been believed";
  }
}

INSTANTIATE_TEST_SUITE_P(Over, P14Genuine, testing::Values("feed", "redis", "signed"),
                         [](const auto& bus) { return std::string(bus.param); });

}  // namespace revoked::test::genuine_systest
