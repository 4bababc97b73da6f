// The examples of the published documents against the program, as their authors wrote them but for address
// and ids: a 2xx means that a gateway denies the key.

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/time.hpp"
#include "tests/net/signing_key.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test {
namespace {

const std::string application = "123e4567-e89b-12d3-a456-426614174000";

std::string output_of(std::vector<std::string> command, const std::filesystem::path& log) {
  Process process({.command = std::move(command),
                   .environment = {},
                   .log = log,
                   .directory = {},
                   .file_size_limit_bytes = {},
                   .own_group = false});
  auto output = process.read_output(30s);
  EXPECT_EQ(process.wait(30s), 0) << process.description();
  return output;
}

struct Tool {
  std::string name;
  std::vector<std::string> command;     // followed by the URL
  std::vector<std::string> per_header;  // before each "Name: value"
};

constexpr auto python = R"(
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], method='DELETE', headers=dict(a.split(': ', 1) for a in sys.argv[2:]))
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open(request) as answer:
  sys.stdout.write(answer.read().decode() + '\n' + str(answer.status))
)";

class Dialects : public testing::TestWithParam<Tool> {
 protected:
  Dialects() {
    write_file(directory_ / "jwks.json", "{\"keys\":[" + signing_key_.jwk("k1") + "]}");
    engine_.emplace(EngineProcess::Options{
        .redis_url = {},
        .arguments = {"--jwt-keys", directory_ / "jwks.json", "--jwt-issuer", "https://id.example",
                      "--jwt-audience", "revoked", "--jwt-workspace-claim", "org"},
        .file_size_limit_bytes = {}});
    gateway_.emplace(*engine_);
    admin_.emplace(engine_->client());
    checks_.emplace(gateway_->client());
  }

  std::string token(const std::string& workspace) const {
    const auto exp = std::to_string(engine::now_unix_ms() / 1000 + 600);
    return signing_key_.token(
        R"({"alg":"HS256","kid":"k1"})",
        R"({"iss":"https://id.example","aud":["revoked"],"sub":"alice","scope":"keys:revoke",)"
        R"("org":")" +
            workspace + R"(","exp":)" + exp + "}");
  }
  // A key with the permission, of these owners.
  std::string caller(const std::string& owners) {
    const auto made =
        admin_->request("POST", "/v1/keys", {}, "{" + owners + R"("permissions":["keys:revoke"]})");
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json()["secret"].text();
  }
  // The body, a line break, the status.
  std::string delete_with_tool(const std::string& path, const std::vector<std::string>& headers) {
    auto command = GetParam().command;
    command.push_back(engine_->url() + path);
    for (const auto& header : headers) {
      command.insert(command.end(), GetParam().per_header.begin(), GetParam().per_header.end());
      command.push_back(header);
    }
    return output_of(std::move(command), directory_ / "tool.log");
  }
  CreatedKey key_that_passes(Members members) {
    auto key = create_key(*admin_, members);
    EXPECT_TRUE(eventually([&] { return check(*checks_, key.secret).status == 200; }));
    return key;
  }
  void expect_denied(const CreatedKey& key) {
    EXPECT_TRUE(eventually([&] { return check(*checks_, key.secret).status == 403; }, 5s));
  }

  TemporaryDirectory directory_;
  const SigningKey signing_key_ = SigningKey::hs256();
  std::optional<EngineProcess> engine_;
  std::optional<GatewayProcess> gateway_;
  std::optional<HttpClient> admin_;
  std::optional<HttpClient> checks_;
};

TEST_P(Dialects, FlowplateRevokesAllKeysOfAUser) {
  const auto one = key_that_passes({{"user", "ann"}});
  const auto two = key_that_passes({{"user", "ann"}});
  const auto other = key_that_passes({{"user", "bob"}});
  const auto answer =
      delete_with_tool("/v1/flowplate/api-keys/user/ann", {"X-API-Key: " + engine_->master_key()});
  EXPECT_EQ(answer, "{\"success\":true,\"message\":\"Operation completed successfully\"}\n200");
  expect_denied(one);
  expect_denied(two);
  EXPECT_EQ(check(*checks_, other.secret).status, 200);
}

TEST_P(Dialects, ApplicationsRevokesOneKey) {
  const auto key = key_that_passes({{"application", application}, {"workspace", "w1"}});
  const auto other = key_that_passes({{"application", application}, {"workspace", "w1"}});
  const auto answer =
      delete_with_tool("/api/v1/applications/" + application + "/api-keys/" + key.key_id,
                       {"Content-Type: application/json", "Authorization: Bearer " + token("w1")});
  EXPECT_EQ(answer, "{}\n200");
  expect_denied(key);
  EXPECT_EQ(check(*checks_, other.secret).status, 200);
  const auto refused =
      admin_->request("DELETE", "/api/v1/applications/" + application + "/api-keys/" + other.key_id,
                      {{"X-API-Key", token("w1")}});
  EXPECT_EQ(refused.status, 401) << "a master key is not a token";
}

TEST_P(Dialects, FlowiseDeletesAKeyOfTheWorkspace) {
  const auto key = key_that_passes({{"workspace", "w1"}, {"key_id", "key-789"}});
  const auto answer =
      delete_with_tool("/api/v1/apikey/key-789", {"Authorization: Bearer " + caller(R"("workspace":"w1",)")});
  EXPECT_EQ(answer, "{\"affected\":1,\"raw\":[]}\n200");
  expect_denied(key);
  EXPECT_NE(engine_->log_text().find(R"("dialect":"flowise","key_id":"key-789")"), std::string::npos);
}

TEST_P(Dialects, TrieveDeletesAKeyOfTheUser) {
  const auto key = key_that_passes({{"user", "ann"}});
  EXPECT_EQ(
      delete_with_tool("/api/user/api_key/" + key.key_id, {"Authorization: " + caller(R"("user":"ann",)")}),
      "\n204");
  expect_denied(key);
}

TEST_P(Dialects, LogTellsWhatTheAnswerIsTracedBy) {
  HttpClient nobody(engine_->port());
  const auto refused = nobody.request("DELETE", "/v1/flowplate/api-keys/user/ann");
  ASSERT_EQ(refused.status, 401);
  const auto trace_id = refused.json()["error"]["trace_id"].text();
  EXPECT_TRUE(eventually([&] { return engine_->log_text().find(trace_id) != std::string::npos; }));
}

INSTANTIATE_TEST_SUITE_P(, Dialects,
                         testing::Values(Tool{"Curl",
                                              {"curl", "-sS", "--noproxy", "*", "-w", "\n%{http_code}", "-X",
                                               "DELETE"},
                                              {"-H"}},
                                         Tool{"Python", {"python3", "-c", python}, {}}),
                         [](const auto& tool) { return tool.param.name; });

TEST(TokenOptions, AreRefusedInOneLineWhereTheyMakeNoSense) {
  TemporaryDirectory directory;
  write_file(directory / "good.json", "{\"keys\":[" + SigningKey::hs256().jwk("k1") + "]}");
  write_file(directory / "bad.json", "{\"keys\":7}");
  const std::string good = directory / "good.json";
  const std::string bad = directory / "bad.json";
  using Arguments = std::vector<std::string>;
  for (const auto& arguments :
       {Arguments{"--jwt-keys", good}, Arguments{"--jwt-audience", "revoked"},
        Arguments{"--jwt-keys", good + "x", "--jwt-audience", "revoked"},
        Arguments{"--jwt-keys", bad, "--jwt-audience", "revoked"},
        Arguments{"--jwt-keys", good, "--jwt-audience", "a", "--jwt-leeway-s", "61"}}) {
    std::filesystem::remove(directory / "log");
    Arguments command{program("revoked"), "--listen", "127.0.0.1:0", "--data-dir", directory / "data"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    Process process({.command = command,
                     .environment = {},
                     .log = directory / "log",
                     .directory = {},
                     .file_size_limit_bytes = {},
                     .own_group = false});
    EXPECT_EQ(process.wait(30s), 2) << process.description();
    const auto text = process.log_text();
    EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
    EXPECT_NE(text.find("--jwt-"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace revoked::test
