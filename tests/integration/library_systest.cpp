// The gateway as a library, from other languages: the examples of tools/gateways/library, all at once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <memory>

#include "tests/support/node_packages.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::library_systest {

namespace fs = std::filesystem;
using testing::HasSubstr;

fs::path build_directory() { return program("revoked").parent_path().parent_path(); }
fs::path examples() { return source_directory() / "tools/gateways/library"; }

int run(std::vector<std::string> command, const fs::path& directory) {
  Process process({.command = std::move(command), .log = directory / "command.log", .directory = directory});
  const auto code = process.wait(120s);
  if (code != 0) std::cout << process.description() << '\n';
  return code.value_or(-1);
}

// As a user would compile it.
std::vector<std::string> compiled(const fs::path& directory) {
  const auto library = (build_directory() / "lib").string();
  const auto program = directory / "check";
  EXPECT_EQ(run({"cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic",
                 "-I" + (source_directory() / "cache/library").string(), examples() / "check.c",
                 "-L" + library, "-lrevoked-gateway", "-Wl,-rpath," + library, "-o", program},
                directory),
            0);
  return {program};
}

// An example at work, from the secrets in its file to the end.
class Example {
 public:
  Example(std::vector<std::string> command, const fs::path& keys, const std::vector<std::string>& environment)
      : process_({.command = with(std::move(command), keys),
                  .environment = environment,
                  .log = keys.parent_path() / "example.log"}) {}

  std::string next(std::string_view prefix) {
    return process_.wait_for_line(prefix, 30s)
        .value_or("no line '" + std::string(prefix) + "': " + process_.description());
  }
  int wait() { return process_.wait(20s).value_or(-1); }

 private:
  static std::vector<std::string> with(std::vector<std::string> command, const fs::path& keys) {
    command.push_back(keys);
    return command;
  }

  Process process_;
};

TEST(LibraryExamples, CheckAndWatchAKeyInEachLanguage) {
  RedisServer redis;
  EngineProcess engine({.redis_url = redis.url(), .tls = nullptr});
  auto admin = engine.client();
  const auto live = create_key(admin, {{"user", "Zoë"}, {"workspace", "acme"}});
  const auto dead = create_key(admin);
  ASSERT_EQ(revoke(admin, dead.key_id).status, 200);
  TemporaryDirectory directory;
  write_file(directory / "keys.txt", live.secret + "\nrvk_unknown\n" + dead.secret + "\n");

  const std::vector<std::string> environment{
      "ENGINE=" + engine.url(), "ENGINE_KEY_FILE=" + engine.master_key_file().string(),
      "REDIS=" + redis.url(),
      "REVOKED_LIBRARY=" + (build_directory() / "lib/librevoked-gateway.so.0").string(),
      "NODE_PATH=" + node_packages().string()};
  std::vector<std::pair<std::string, std::vector<std::string>>> commands{
      {"c", compiled(directory / "")},
      {"python", {"python3", "-B", examples() / "check.py"}},
      {"luajit", {"luajit", examples() / "check.lua"}},
      {"node", {"node", examples() / "check.js"}}};

  std::vector<std::unique_ptr<Example>> all;
  for (const auto& [language, command] : commands)
    all.push_back(std::make_unique<Example>(command, directory / "keys.txt", environment));
  for (auto& example : all) {
    EXPECT_EQ(example->next("allowed"), "allowed: " + live.key_id + " of user 'Zoë'");
    EXPECT_EQ(example->next(""), "unknown");
    EXPECT_EQ(example->next(""), "revoked");
    EXPECT_EQ(example->next(""), "watching");
  }
  ASSERT_EQ(revoke(admin, live.key_id).status, 200);
  for (auto& example : all) {
    EXPECT_EQ(example->next(""), "denied: revoked");
    EXPECT_EQ(example->next(""), "now: revoked");
    EXPECT_EQ(example->next(""), "status: current, 2 in memory");
    EXPECT_EQ(example->wait(), 0);
  }
  // Each has told the engine that it leaves.
  EXPECT_EQ(admin.get("/v1/gateways").json()["gateways"].size(), 0u);
}

}  // namespace revoked::test::library_systest
