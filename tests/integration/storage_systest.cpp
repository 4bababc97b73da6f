// A failing disk: the engine stops acknowledging and exits, and everything acknowledged is there.

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/revocation_load.hpp"

namespace revoked::test::storage_systest {

// Creates keys until the engine has exited, and records whether one was acknowledged after a failure.
class Creator {
 public:
  explicit Creator(const EngineProcess& engine)
      : thread_([this, client = engine.client(), port = engine.port()]() mutable { run(client, port); }) {}
  ~Creator() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  std::vector<CreatedKey> created;
  bool failed = false;
  bool acknowledged_after_failure = false;

 private:
  void run(HttpClient& client, std::uint16_t port) {
    const std::string body = R"({"metadata":{"x":")" + std::string(2'000, 'x') + "\"}}";
    for (int i = 0; i < 100'000; ++i) {
      try {
        const HttpResponse response = client.request("POST", "/v1/keys", {}, body);
        if (response.status == 201) {
          acknowledged_after_failure |= failed;
          created.push_back({response.json()["key_id"].text(), response.json()["secret"].text()});
        } else {
          failed = true;
        }
      } catch (const ConnectionFailed&) {
        failed = true;
        if (!accepts_connections(port)) return;
      }
    }
  }

  std::thread thread_;
};

TEST(P11StorageFailsLoudly, TheEngineStopsAcknowledgingExitsAndKeepsWhatItAcknowledged) {
  // Space for some hundred keys; then every write to the log fails, as on a full disk.
  EngineProcess engine({.file_size_limit_bytes = 2 << 20});
  auto doomed = create_keys(engine, 200);
  HttpClient admin = engine.client();
  const std::vector<CreatedKey> dead(doomed.begin(), doomed.begin() + 20);
  for (const auto& key : dead) ASSERT_EQ(revoke(admin, key.key_id).status, 200);

  std::vector<CreatedKey> created;
  std::vector<Acknowledged> acknowledged;
  {
    RevocationLoad load(engine, {doomed.begin() + 20, doomed.end()}, 1);
    Creator creator(engine);
    const auto code = engine.process().wait(120s);
    ASSERT_TRUE(code.has_value()) << "still running: " << engine.process().description();
    EXPECT_NE(*code, 0);
    EXPECT_LT(*code, 128) << "died of a signal";
    creator.join();
    load.stop();
    EXPECT_FALSE(creator.acknowledged_after_failure);
    EXPECT_TRUE(creator.failed);
    created = creator.created;
    acknowledged = load.acknowledged();
  }
  EXPECT_GT(created.size(), 10u);
  EXPECT_FALSE(engine.log_text().empty());

  engine.options().file_size_limit_bytes.reset();
  engine.start();
  HttpClient client = engine.client();
  for (const auto& key : created) ASSERT_EQ(state_of(client, key.key_id), "active") << key.key_id;
  for (const auto& key : dead) ASSERT_EQ(state_of(client, key.key_id), "revoked") << key.key_id;
  for (const auto& one : acknowledged)
    ASSERT_EQ(state_of(client, one.key.key_id), "revoked") << one.key.key_id;
}

TEST(P11StorageFailsLoudly, TheEngineRefusesALogThatWasTamperedWith) {
  EngineProcess engine;
  const auto keys = create_keys(engine, 500);
  RevocationLoad load(engine, keys, 1);
  ASSERT_TRUE(eventually([&] { return load.count() == keys.size(); }));
  load.stop();
  engine.kill();
  // One flipped byte in the middle of the log.
  std::filesystem::path log;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(engine.data_directory())) {
    if (entry.path().extension() == ".segment") log = entry.path();
  }
  ASSERT_FALSE(log.empty());
  std::string bytes = read_file(log);
  const auto end = bytes.find_last_not_of('\0');
  bytes[end / 2] = static_cast<char>(bytes[end / 2] ^ 0x55);
  write_file(log, bytes);
  EXPECT_THROW(engine.start(), std::runtime_error);
  EXPECT_NE(engine.process().wait(10s).value_or(0), 0) << engine.process().description();
}

}  // namespace revoked::test::storage_systest
