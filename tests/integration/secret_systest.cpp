// No plaintext secret on disk, in a log, on a channel or in an error message.

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/redis_connection.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::secret_systest {

// The files under `directory` that contain `text`.
std::vector<std::string> files_with(const std::filesystem::path& directory, const std::string& text) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() && read_file(entry.path()).find(text) != std::string::npos) {
      out.push_back(entry.path());
    }
  }
  return out;
}

TEST(P12Secret, NoSecretIsFoundInFilesLogsMessagesOrErrors) {
  RedisServer redis;
  EngineProcess engine({.redis_url = redis.url(), .arguments = {"--log-level", "debug"}});
  GatewayProcess gateway(engine, {.redis_url = redis.url(), .arguments = {"--log-level", "debug"}});
  RedisConnection monitor(redis.url());
  monitor.command({"MONITOR"});
  HttpClient admin = engine.client();
  HttpClient client = gateway.client();

  const CreatedKey made = create_key(admin, {{"user", "u1"}});
  const std::string brought = "brought-secret-0123456789-abcdefghij";
  const std::string wrong = "wrong-secret-9876543210-zyxwvutsrq";
  std::string answers;
  answers += admin.request("POST", "/v1/keys", {}, json_object({{"secret", brought}})).body;
  answers +=
      admin.request("POST", "/v1/keys", {}, json_object({{"secret", brought}})).body;  // already exists
  answers += admin.request("POST", "/v1/keys", {}, R"({"secret":")" + brought + R"(",)").body;  // malformed
  answers += admin.request("POST", "/v1/keys/verify", {}, json_object({{"secret", wrong}})).body;
  answers += admin.request("POST", "/v1/keys/verify", {}, json_object({{"secret", made.secret}})).body;
  answers += admin.get("/v1/keys/" + made.key_id).body;
  for (const std::string& secret : {made.secret, brought, wrong}) {
    answers += check(client, secret).body;
    answers += HttpClient(engine.port()).get("/v1/keys/x", {{"Authorization", "Bearer " + secret}}).body;
    answers += HttpClient(engine.port()).get("/v1/keys/x", {{"X-API-Key", secret}}).body;
  }
  answers += admin.request("POST", "/v1/keys/revoke", {}, json_object({{"secret", made.secret}})).body;
  answers += admin.request("POST", "/v1/keys/revoke", {}, json_object({{"secret", wrong}})).body;
  ASSERT_TRUE(eventually([&] { return check(client, made.secret).status == 403; }));

  // The traffic on Redis up to the message of the revocation, and one heartbeat.
  std::string channel;
  while (channel.find("key.revoked") == std::string::npos) channel += monitor.receive().text + "\n";
  channel += monitor.receive().text;
  engine.stop();
  gateway.stop();

  for (const std::string& secret : {made.secret, brought, wrong, engine.master_key()}) {
    EXPECT_EQ(answers.find(secret), std::string::npos) << "in an answer";
    EXPECT_EQ(channel.find(secret), std::string::npos) << "on Redis";
    EXPECT_EQ(engine.log_text().find(secret), std::string::npos) << "in the engine's log";
    EXPECT_EQ(gateway.log_text().find(secret), std::string::npos) << "in the gateway's log";
    for (const auto& file : files_with(engine.data_directory(), secret)) {
      EXPECT_EQ(file, engine.master_key_file().string()) << "in the data directory";
    }
  }
  EXPECT_NE(channel.find(made.key_id), std::string::npos) << "the monitor saw nothing";
}

}  // namespace revoked::test::secret_systest
