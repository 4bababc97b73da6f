// The programs as seen from outside: options, exit codes, ready lines, files.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test::programs_systest {

struct Outcome {
  std::optional<int> code;
  std::string output;
  std::string errors;
};

Outcome run(std::vector<std::string> command, std::vector<std::string> environment = {}) {
  TemporaryDirectory directory;
  command[0] = program(command[0]).string();
  Process process({.command = std::move(command),
                   .environment = std::move(environment),
                   .log = directory / "stderr",
                   .directory = directory.path()});
  Outcome out;
  out.output = process.read_output(30s);
  out.code = process.wait(30s);
  out.errors = process.log_text();
  return out;
}

std::ptrdiff_t lines(const std::string& text) { return std::ranges::count(text, '\n'); }

class EachProgram : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, EachProgram, testing::Values("revoked", "revoked-gateway"), [](const auto& name) {
  return std::string(name.param) == "revoked" ? "Engine" : "Gateway";
});

TEST_P(EachProgram, RefusesWrongOptionsWithOneLineAndCode2) {
  TemporaryDirectory directory;
  write_file(directory / "key", "a-key-for-the-gateway-0123456789\n");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--no-such-option"},
                                             {"--listen", "nonsense"},
                                             {"--listen", "127.0.0.1:99999"},
                                             {"stray"},
                                             {"--redis", "ftp://nowhere"},
                                             {"--redis", "redis+sentinel://nowhere"},
                                             {"--redis", "rediss://h", "--redis-ca-file", "/no/such/ca.pem"},
                                             {"--threads", "many"},
                                             {"--config", "/no/such/file.toml"}}) {
    std::vector<std::string> command{GetParam()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const Outcome outcome = run(command, {"REVOKED_GATEWAY_ENGINE_KEY_FILE=" + (directory / "key").string()});
    EXPECT_EQ(outcome.code, 2) << arguments[0] << ": " << outcome.errors;
    EXPECT_EQ(lines(outcome.errors), 1) << outcome.errors;
    EXPECT_NE(outcome.errors.find(arguments.back()), std::string::npos)
        << "does not say what: " << outcome.errors;
  }
}

TEST_P(EachProgram, TellsItsOptionsAndItsVersion) {
  const Outcome help = run({GetParam(), "--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* option : {"--listen", "--redis", "--threads", "--config", "--version"}) {
    EXPECT_NE(help.output.find(option), std::string::npos) << option;
  }
  const Outcome version = run({GetParam(), "--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_NE(version.output.find("0.1.0"), std::string::npos) << version.output;
}

TEST(Engine, PicksAFreePortWhenAskedForPortZeroAndTakesOptionsFromTheEnvironment) {
  TemporaryDirectory directory;
  Process engine(
      {.command = {program("revoked")},
       .environment = {"REVOKED_LISTEN=127.0.0.1:0", "REVOKED_DATA_DIR=" + (directory / "d").string()},
       .log = directory / "log",
       .directory = directory.path()});
  const std::string prefix = "revoked is ready on http://127.0.0.1:";
  const auto line = engine.wait_for_line(prefix, 60s);
  ASSERT_TRUE(line.has_value()) << engine.description();
  const int port = std::stoi(line->substr(prefix.size()));
  ASSERT_GT(port, 0);
  EXPECT_EQ(HttpClient(static_cast<std::uint16_t>(port)).get("/livez").status, 200);
  EXPECT_TRUE(std::filesystem::exists(directory / "d" / "master.key"));
  engine.signal(SIGTERM);
  EXPECT_EQ(engine.wait(60s), 0);
  EXPECT_FALSE(accepts_connections(static_cast<std::uint16_t>(port)));
}

TEST(Engine, TakesOptionsFromAFile) {
  TemporaryDirectory directory;
  write_file(directory / "revoked.toml", "listen = \"127.0.0.1:0\"\ndata-dir = \"" +
                                             (directory / "d").string() + "\"\nkey-prefix = \"acme\"\n");
  Process engine({.command = {program("revoked"), "--config", directory / "revoked.toml"},
                  .log = directory / "log",
                  .directory = directory.path()});
  EXPECT_TRUE(engine.wait_for_line("revoked is ready on http://127.0.0.1:", 60s).has_value())
      << engine.description();
  EXPECT_TRUE(std::filesystem::exists(directory / "d" / "master.key"));
}

TEST(Engine, MakesItsMasterKeyOnceAndOnlyItsOwnerMayReadIt) {
  EngineProcess engine;
  struct stat status {};
  ASSERT_EQ(::stat(engine.master_key_file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const std::string first = engine.master_key();
  EXPECT_GE(first.size(), 32u);
  EXPECT_EQ(engine.stop(), 0);
  engine.start();
  EXPECT_EQ(engine.master_key(), first);
}

TEST(Engine, TakesTheMasterKeyFromAFile) {
  TemporaryDirectory directory;
  write_file(directory / "key", "a-master-key-of-our-own-0123456789\n");
  EngineProcess engine({.arguments = {"--master-key-file", directory / "key"}});
  HttpClient client(engine.port());
  client.add_header("X-API-Key", "a-master-key-of-our-own-0123456789");
  EXPECT_EQ(client.get("/v1/invalidations").status, 200);
  EXPECT_FALSE(std::filesystem::exists(engine.master_key_file()));
}

TEST(Engine, RefusesADataDirectoryThatIsInUse) {
  EngineProcess engine;
  const Outcome second =
      run({"revoked", "--listen", "127.0.0.1:0", "--data-dir", engine.data_directory().string()});
  EXPECT_EQ(second.code, 2) << second.errors;
  EXPECT_EQ(second.output, "");
  EXPECT_EQ(lines(second.errors), 1) << second.errors;
  EXPECT_NE(second.errors.find(engine.data_directory().string()), std::string::npos) << second.errors;
  EXPECT_EQ(engine.client().get("/readyz").status, 200) << "the first one was disturbed";
}

TEST(Engine, RefusesAPortThatIsInUse) {
  EngineProcess engine;
  TemporaryDirectory directory;
  const std::string address = "127.0.0.1:" + std::to_string(engine.port());
  const Outcome second = run({"revoked", "--listen", address, "--data-dir", (directory / "d").string()});
  EXPECT_EQ(second.code, 2) << second.errors;
  EXPECT_EQ(second.output, "");
  EXPECT_NE(second.errors.find(address), std::string::npos) << second.errors;
}

TEST(Engine, IsHealthyAndSaysSo) {
  EngineProcess engine;
  HttpClient stranger(engine.port());
  for (const char* path : {"/livez", "/readyz", "/healthz"})
    EXPECT_EQ(stranger.get(path).status, 200) << path;
}

TEST(Engine, LogsJsonLinesOnly) {
  EngineProcess engine;
  HttpClient client = engine.client();
  const CreatedKey key = create_key(client);
  revoke(client, key.key_id);
  EXPECT_EQ(engine.stop(), 0);
  const std::string log = engine.log_text();
  EXPECT_FALSE(log.empty());
  for (std::size_t begin = 0; begin < log.size();) {
    const auto end = std::min(log.find('\n', begin), log.size());
    EXPECT_TRUE(Json::parse(log.substr(begin, end - begin)).exists()) << log.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(Gateway, StopsOnSigtermAndStartsWithoutItsEngine) {
  EngineProcess engine;
  GatewayProcess gateway(engine);
  EXPECT_EQ(gateway.stop(), 0);
  EXPECT_FALSE(accepts_connections(gateway.port()));
  HttpClient admin = engine.client();
  const CreatedKey key = create_key(admin);
  engine.kill();
  gateway.start();
  HttpClient client = gateway.client();
  EXPECT_EQ(client.get("/livez").status, 200);
  EXPECT_EQ(client.get("/readyz").status, 503);
  EXPECT_EQ(check(client, key.secret).status, 503);
  engine.start();
  EXPECT_TRUE(eventually([&] { return check(client, key.secret).status == 200; })) << gateway.log_text();
}

}  // namespace revoked::test::programs_systest
