// GET /openapi.json of both programs: every answer is one that it describes, other people's tools accept it,
// and docs/api-reference.md is made from it.

#include <gtest/gtest.h>

#include "engine/base/time.hpp"
#include "tests/net/auth/signing_key.hpp"
#include "tests/support/fake_engine.hpp"
#include "tests/support/node_packages.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::openapi_systest {

namespace fs = std::filesystem;

struct Ran {
  int code;            // -1: it did not end
  std::string output;  // of both streams
};

Ran run(std::vector<std::string> command, const fs::path& directory,
        std::vector<std::string> environment = {}) {
  fs::remove(directory / "output.log");
  Process process({.command = std::move(command),
                   .environment = std::move(environment),
                   .log = directory / "output.log",
                   .directory = directory});
  auto output = process.read_output(120s);
  const auto code = process.wait(30s);
  return {code.value_or(-1), output + read_file(directory / "output.log")};
}

class OpenApi : public testing::Test {
 protected:
  static fs::path source(const std::string& file) { return source_directory() / file; }
  // Of the engine and a gateway.
  void save_documents() {
    EngineProcess engine{{.tls = nullptr}};
    const GatewayProcess gateway(engine, {.tls = nullptr});
    write_file(directory_ / "engine.json", engine.client().get("/openapi.json").body);
    write_file(directory_ / "gateway.json", gateway.client().get("/openapi.json").body);
  }

  TemporaryDirectory directory_;
};

TEST_F(OpenApi, EveryOperationAnswersAsItIsDescribed) {
  const FakeEngine hook([](const FakeRequest&, FakeEngine::Peer& peer) { peer.answer(200, "{}"); });
  write_file(directory_ / "secret", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n");
  std::string hooks;
  for (const auto port : {hook.port(), std::uint16_t{1}}) {
    hooks += "[[webhook]]\nurl = \"http://127.0.0.1:" + std::to_string(port) + "\"\nsecret_file = \"" +
             (directory_ / "secret").string() + "\"\nevents = [\"key.exposed\"]\n";
  }
  write_file(directory_ / "webhooks.toml", hooks);
  const auto signing_key = SigningKey::hs256();
  write_file(directory_ / "jwks.json", "{\"keys\":[" + signing_key.jwk("k1") + "]}");
  const auto token = [&](const std::string& scope) {
    const auto exp = std::to_string(engine::now_unix_ms() / 1000 + 600);
    return signing_key.token(R"({"alg":"HS256","kid":"k1"})", R"({"aud":"revoked","sub":"alice","scope":")" +
                                                                  scope + R"(","exp":)" + exp + "}");
  };
  const EngineProcess engine{
      {.arguments = {"--jwt-keys", directory_ / "jwks.json", "--jwt-audience", "revoked", "--webhooks-file",
                     directory_ / "webhooks.toml", "--metrics", "authenticated"},
       .tls = nullptr}};
  const EngineProcess full{
      {.arguments = {"--storage-reserve-mib", "1000000000", "--metrics", "off"}, .tls = nullptr}};
  const GatewayProcess gateway(
      engine, {.arguments = {"--credential", "bearer,header:X-API-Key,cookie:key"}, .tls = nullptr});
  const GatewayProcess stale(
      engine, {.engine_url = "http://127.0.0.1:1", .arguments = {"--metrics", "off"}, .tls = nullptr});
  ASSERT_TRUE(eventually([&] { return gateway.client().get("/readyz").status == 200; }));
  const auto url = [](std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); };
  // Debian's own Python, for its jsonschema.
  const auto ran =
      run({"/usr/bin/python3", "-B", source("tests/integration/openapi/calls.py")}, directory_.path(),
          {"ENGINE=" + engine.url(), "MASTER_KEY=" + engine.master_key(), "FULL_ENGINE=" + full.url(),
           "FULL_MASTER_KEY=" + full.master_key(), "GATEWAY=" + url(gateway.port()),
           "STALE_GATEWAY=" + url(stale.port()), "TOKEN=" + token("keys:revoke"),
           "WEAK_TOKEN=" + token("keys:read")});
  EXPECT_EQ(ran.code, 0) << ran.output << engine.log_text();
}

// The rules that are off, and why: tests/integration/openapi/redocly.yaml.
TEST_F(OpenApi, HasNothingThatALinterMinds) {
  const auto node = run({"node", "-p", "process.versions.node.split('.')[0]"}, directory_.path());
  if (std::atoi(node.output.c_str()) < 20) GTEST_SKIP() << "the linter needs Node 20, not " << node.output;
  save_documents();
  fs::copy_file(source("tests/integration/openapi/redocly.yaml"), directory_ / "redocly.yaml");
  const auto ran =
      run({node_packages() / ".bin/redocly", "lint", "--max-problems=1000", "--format=stylish"},
          directory_.path(), {"REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true", "NO_COLOR=1"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(ran.output.find("  warning  "), std::string::npos) << ran.output;
}

TEST_F(OpenApi, IsTheSourceOfTheReferencePage) {
  save_documents();
  const auto ran = run({"python3", "-B", source("tools/make-api-reference"), "--output",
                        directory_ / "page.md", directory_ / "engine.json", directory_ / "gateway.json"},
                       directory_.path());
  ASSERT_EQ(ran.code, 0) << ran.output;
  EXPECT_TRUE(read_file(directory_ / "page.md") == read_file(source("docs/api-reference.md")))
      << "docs/api-reference.md is not current: run tools/make-api-reference";
}

}  // namespace revoked::test::openapi_systest
