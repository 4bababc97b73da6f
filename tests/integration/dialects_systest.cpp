// The examples of the published documents run against the program, unchanged except for address and ids: a
// 2xx means that a gateway denies the key.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "engine/base/time.hpp"
#include "tests/net/auth/signing_key.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::dialects_systest {

const std::string application = "123e4567-e89b-12d3-a456-426614174000";

class Dialects : public testing::Test {
 protected:
  Dialects() {
    write_file(directory_ / "jwks.json", "{\"keys\":[" + signing_key_.jwk("k1") + "]}");
    engine_.emplace(EngineProcess::Options{
        .arguments = {"--jwt-keys", directory_ / "jwks.json", "--jwt-issuer", "https://id.example",
                      "--jwt-audience", "revoked", "--jwt-workspace-claim", "org"}});
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
  // The secret of a key with the permission, of these owners.
  std::string caller(const std::string& owners) {
    const auto made =
        admin_->request("POST", "/v1/keys", {}, "{" + owners + R"("permissions":["keys:revoke"]})");
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json()["secret"].text();
  }
  // The output of the example, without the newline.
  std::string output_of(const std::string& example, std::vector<std::string> environment) {
    const std::map<std::string, std::vector<std::string>> interpreters{
        {".sh", {"sh"}}, {".py", {"python3"}}, {".mjs", {"node"}}, {".go", {"go", "run"}}, {".rb", {"ruby"}}};
    const auto file = source_directory() / "tests/integration/examples" / example;
    auto command = interpreters.at(file.extension());
    command.push_back(file);
    // Go builds first, without downloads.
    for (const auto& setting :
         {"ADDRESS=" + engine_->url(), "HOME=" + directory_.path().string(),
          "GOCACHE=" + (directory_ / "go-build").string(), "GOPATH=" + (directory_ / "go").string(),
          std::string("GOFLAGS=-mod=mod"), std::string("GOPROXY=off"), std::string("GOTOOLCHAIN=local"),
          std::string("no_proxy=*"), std::string("NO_PROXY=*")})
      environment.push_back(setting);
    Process process({.command = std::move(command),
                     .environment = std::move(environment),
                     .log = directory_ / "example.log",
                     .directory = directory_.path()});
    auto output = process.read_output(120s);
    EXPECT_EQ(process.wait(30s), 0) << process.description();
    while (output.ends_with('\n')) output.pop_back();
    return output;
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

// Files in examples/, and their output on success.
using Examples = std::vector<std::pair<std::string, std::string>>;

TEST_F(Dialects, FlowplateRevokesAllKeysOfAUser) {
  for (const auto& [example, expected] :
       Examples{{"flowplate.sh", R"({"success":true,"message":"Operation completed successfully"})"},
                {"flowplate.py", "{'success': True, 'message': 'Operation completed successfully'}"},
                {"flowplate.mjs", "{ success: true, message: 'Operation completed successfully' }"}}) {
    SCOPED_TRACE(example);
    const auto one = key_that_passes({{"user", example}});
    const auto two = key_that_passes({{"user", example}});
    const auto other = key_that_passes({{"user", "bob"}});
    EXPECT_EQ(output_of(example, {"USER_ID=" + example, "API_KEY=" + engine_->master_key()}), expected);
    expect_denied(one);
    expect_denied(two);
    EXPECT_EQ(check(*checks_, other.secret).status, 200);
  }
}

TEST_F(Dialects, ApplicationsRevokesOneKey) {
  for (const auto& [example, expected] : Examples{{"applications.sh", "{}"},
                                                  {"applications.py", "{}"},
                                                  {"applications.mjs", "{}"},
                                                  {"applications.go", "Response Status: 200 OK"},
                                                  {"applications.rb", "{}"}}) {
    SCOPED_TRACE(example);
    const auto key = key_that_passes({{"application", application}, {"workspace", "w1"}});
    const auto other = key_that_passes({{"application", application}, {"workspace", "w1"}});
    EXPECT_EQ(output_of(example,
                        {"APPLICATION_ID=" + application, "KEY_ID=" + key.key_id, "API_KEY=" + token("w1")}),
              expected);
    expect_denied(key);
    EXPECT_EQ(check(*checks_, other.secret).status, 200);
  }
  const auto other = key_that_passes({{"application", application}, {"workspace", "w1"}});
  const auto refused =
      admin_->request("DELETE", "/api/v1/applications/" + application + "/api-keys/" + other.key_id,
                      {{"X-API-Key", token("w1")}});
  EXPECT_EQ(refused.status, 401) << "a master key is not a token";
}

TEST_F(Dialects, FlowiseDeletesAKeyOfTheWorkspace) {
  const auto key = key_that_passes({{"workspace", "w1"}, {"key_id", "key-789"}});
  const auto unchanged = output_of("flowise_anonymous.sh", {"KEY_ID=key-789"});
  EXPECT_NE(unchanged.find("\"statusCode\":401"), std::string::npos) << unchanged;
  EXPECT_EQ(check(*checks_, key.secret).status, 200);
  EXPECT_EQ(output_of("flowise.sh", {"KEY_ID=key-789", "API_KEY=" + caller(R"("workspace":"w1",)")}),
            R"({"affected":1,"raw":[]})");
  expect_denied(key);
  EXPECT_TRUE(eventually([&] {
    return engine_->log_text().find(R"("dialect":"flowise","key_id":"key-789")") != std::string::npos;
  }));
}

TEST_F(Dialects, TrieveDeletesAKeyOfTheUser) {
  const auto key = key_that_passes({{"user", "ann"}});
  EXPECT_EQ(output_of("trieve_user.sh", {"KEY_ID=" + key.key_id, "API_KEY=" + caller(R"("user":"ann",)")}),
            "204");
  expect_denied(key);
}

TEST_F(Dialects, TrieveDeletesAKeyOfTheOrganizationForItsPublishedClient) {
  const auto key = key_that_passes({{"workspace", "w1"}, {"user", "ann"}});
  EXPECT_EQ(output_of("trieve_organization.mjs",
                      {"KEY_ID=" + key.key_id, "API_KEY=" + caller(R"("workspace":"w1",)")}),
            R"(204 "")");
  expect_denied(key);
}

TEST_F(Dialects, LogTellsWhatTheAnswerIsTracedBy) {
  HttpClient nobody(engine_->port());
  const auto refused = nobody.request("DELETE", "/v1/flowplate/api-keys/user/ann");
  ASSERT_EQ(refused.status, 401);
  const auto trace_id = refused.json()["error"]["trace_id"].text();
  EXPECT_TRUE(eventually([&] { return engine_->log_text().find(trace_id) != std::string::npos; }));
}

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
    Process process({.command = command, .log = directory / "log"});
    EXPECT_EQ(process.wait(30s), 2) << process.description();
    const auto text = process.log_text();
    EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
    EXPECT_NE(text.find("--jwt-"), std::string::npos) << text;
  }
}

}  // namespace revoked::test::dialects_systest
