// The log has one line for each request that has changed something, whatever its API.

#include <gmock/gmock.h>

#include "net/http/log.hpp"
#include "tests/net/dialects/dialect_fixture.hpp"
#include "tests/support/json.hpp"

namespace revoked::net::change_log_test {

using revoked::test::Json;

const std::string trace_id = "0af7651916cd43dd8448eb211c80319c";
const std::string traceparent = "00-" + trace_id + "-b7ad6b7169203331-01";

class ChangeLog : public DialectTest {
 protected:
  void SetUp() override {
    start();
    testing::internal::CaptureStderr();
  }
  void TearDown() override { testing::internal::GetCapturedStderr(); }

  // The lines since the last call. The thread that answers has written them before.
  std::vector<Json> read() {
    const auto text = testing::internal::GetCapturedStderr();
    testing::internal::CaptureStderr();
    all_ += text;
    std::vector<Json> lines;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      lines.push_back(Json::parse(text.substr(at, end - at)));
      at = end + 1;
    }
    return lines;
  }

  HttpResponse ask_traced(std::string_view method, const std::string& target, const std::string& body = {},
                          Headers headers = bearer(master)) {
    headers.emplace_back("X-Request-Id", "req-1");
    headers.emplace_back("traceparent", traceparent);
    return ask(method, target, headers, body);
  }

  // The one line of that request, if it has the members of every line.
  Json change(const HttpResponse& answer) {
    const auto lines = read();
    EXPECT_EQ(lines.size(), 1u) << answer.body;
    if (lines.empty()) return {};
    const auto& line = lines.back();
    EXPECT_EQ(line["level"].text(), "info");
    EXPECT_FALSE(line["at"].text().empty());
    EXPECT_EQ(line["request_id"].text(), "req-1");
    EXPECT_EQ(line["trace_id"].text(), trace_id);
    EXPECT_EQ(line["address"].text(), "127.0.0.1");
    EXPECT_FALSE(line["actor"].text().empty());
    EXPECT_FALSE(line["actor_kind"].text().empty());
    EXPECT_EQ(line["status"].text(), std::to_string(answer.status));
    EXPECT_EQ(line["position"].text(), answer.header("Revocation-Position"));
    return line;
  }

  std::string all_;
};

TEST_F(ChangeLog, HasALineForEachVerbOfAKey) {
  const auto id = ask_traced("POST", "/v1/keys", R"({"key_id":"k1","secret":"a secret of k1"})");
  ASSERT_EQ(id.status, 201);
  EXPECT_EQ(change(id)["verb"].text(), "key.created");
  struct {
    std::string method, path, body, verb;
  } const verbs[] = {{"PATCH", "", R"({"name":"n"})", "key.changed"},
                     {"POST", "/suspend", "", "key.suspended"},
                     {"POST", "/resume", "", "key.resumed"},
                     {"POST", "/rotate", R"({"grace_seconds":9})", "key.rotated"},
                     {"DELETE", "", "", "key.revoked"}};
  for (const auto& [method, path, body, verb] : verbs) {
    SCOPED_TRACE(verb);
    const auto line = change(ask_traced(method, "/v1/keys/k1" + path, body));
    EXPECT_EQ(line["message"].text(), "change");
    EXPECT_EQ(line["verb"].text(), verb);
    EXPECT_EQ(line["key_id"].text(), "k1");
    EXPECT_EQ(line["dialect"].text(), "native");
    EXPECT_EQ(line["actor"].text(), "master");
    EXPECT_EQ(line["actor_kind"].text(), "master_key");
    EXPECT_EQ(line["outcome"].text(), "done");
  }
  EXPECT_EQ(change(ask_traced("DELETE", "/v1/keys/k1"))["outcome"].text(), "already");
}

TEST_F(ChangeLog, HasALineForEachVerbOfAnOwner) {
  for (const std::string scope : {"user", "application", "workspace"}) {
    SCOPED_TRACE(scope);
    ask("POST", "/v1/keys", bearer(master), "{\"" + scope + "\":\"o\"}");
    read();
    const auto path = "/v1/" + scope + "s/o";
    const auto revoked = change(ask_traced("DELETE", path + "/keys"));
    EXPECT_EQ(revoked["verb"].text(), "owner.revoked");
    EXPECT_EQ(revoked["keys"].text(), "1");
    const auto locked = change(ask_traced("PUT", path + "/lock"));
    EXPECT_EQ(locked["verb"].text(), "owner.locked");
    const auto unlocked = change(ask_traced("DELETE", path + "/lock"));
    EXPECT_EQ(unlocked["verb"].text(), "owner.unlocked");
    for (const auto* line : {&revoked, &locked, &unlocked}) {
      EXPECT_EQ((*line)["scope"].text(), scope);
      EXPECT_EQ((*line)["id"].text(), "o");
    }
  }
}

TEST_F(ChangeLog, HasOneLineForManyKeys) {
  const auto imported = change(ask_traced("POST", "/v1/keys/import",
                                          "{\"key_id\":\"a\",\"secret\":\"the secret of a\"}\n"
                                          "{\"key_id\":\"b\",\"secret\":\"the secret of b\"}\nodd\n"));
  EXPECT_EQ(imported["verb"].text(), "keys.imported");
  EXPECT_EQ(imported["keys"].text(), "2");
  EXPECT_EQ(imported["failed"].text(), "1");
  const auto named =
      change(ask_traced("POST", "/v1/keys/revoke", R"({"secrets":["the secret of a","of nothing"]})"));
  EXPECT_EQ(named["verb"].text(), "keys.revoked");
  EXPECT_EQ(named["keys"].text(), "1");
  const auto bulk = change(ask_traced("POST", "/v1/revocations", "{\"key_id\":\"b\"}\n{\"key_id\":\"c\"}\n"));
  EXPECT_EQ(bulk["verb"].text(), "keys.revoked");
  EXPECT_EQ(bulk["lines"].text(), "2");
  EXPECT_EQ(bulk["keys"].text(), "1");
}

TEST_F(ChangeLog, HasALineForEachDialect) {
  struct {
    std::string dialect, path, credential;
  } const dialects[] = {{"flowplate", "/v1/flowplate/api-keys/", {}},
                        {"applications", "/api/v1/applications/" + application_1 + "/api-keys/",
                         token({{"scope", R"("keys:revoke")"}})},
                        {"flowise", "/api/v1/apikey/", secret({.workspace = "w1", .permissions = revoker})},
                        {"trieve", "/api/user/api_key/", secret({.user = "ann", .permissions = revoker})}};
  for (const auto& [dialect, path, credential] : dialects) {
    SCOPED_TRACE(dialect);
    const auto key = create({.user = "ann", .application = application_1, .workspace = "w1"});
    const auto headers = credential.empty() ? Headers{{"X-API-Key", master}} : bearer(credential);
    const auto line = change(ask_traced("DELETE", path + key, {}, headers));
    EXPECT_EQ(line["verb"].text(), "key.revoked");
    EXPECT_EQ(line["dialect"].text(), dialect);
    EXPECT_EQ(line["key_id"].text(), key);
    EXPECT_EQ(line["outcome"].text(), "done");
  }
  const auto user =
      change(ask_traced("DELETE", "/v1/flowplate/api-keys/user/ann", {}, Headers{{"X-API-Key", master}}));
  EXPECT_EQ(user["verb"].text(), "owner.revoked");
  EXPECT_EQ(user["id"].text(), "ann");
}

TEST_F(ChangeLog, KnowsNoTraceThatIsNotValid) {
  for (const auto* const value : {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "00-1-2-01",
                                  "00-00000000000000000000000000000000-b7ad6b7169203331-01", ""}) {
    auto headers = bearer(master);
    if (*value != '\0') headers.emplace_back("traceparent", value);
    ASSERT_EQ(ask("DELETE", "/v1/keys/" + create({}), headers).status, 200);
    const auto lines = read();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_FALSE(lines[0]["trace_id"].exists()) << value;
    EXPECT_FALSE(lines[0]["request_id"].text().empty());
  }
}

TEST_F(ChangeLog, SaysThatAChangeWasNotMadeButNotOfWhat) {
  ASSERT_EQ(ask("DELETE", "/v1/keys/a-secret-taken-for-an-id", bearer(master)).status, 404);
  const auto lines = read();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["message"].text(), "not changed");
  EXPECT_EQ(lines[0]["status"].text(), "404");
  EXPECT_EQ(all_.find("a-secret-taken-for-an-id"), std::string::npos);
}

TEST_F(ChangeLog, HasNoLineOfWhatIsNotDurable) {
  const auto key = create({});
  disk_->fail_commit(1);
  EXPECT_ANY_THROW(ask("DELETE", "/v1/keys/" + key, bearer(master)));
  read();
  EXPECT_EQ(all_.find("key.revoked"), std::string::npos) << all_;
}

TEST_F(ChangeLog, HasNoSecret) {
  const std::string brought = "a secret that a client brings";
  const auto made = ask("POST", "/v1/keys", bearer(master), R"({"key_id":"k"})").json()["secret"].text();
  ask("POST", "/v1/keys", bearer(master), R"({"key_id":"l","secret":")" + brought + R"("})");
  const auto rotated = ask("POST", "/v1/keys/k/rotate", bearer(master)).json()["secret"].text();
  ask("POST", "/v1/keys/revoke", bearer(master),
      R"({"secrets":[")" + brought + R"(",")" + rotated + R"("]})");
  read();
  EXPECT_NE(all_.find("keys.revoked"), std::string::npos);
  for (const auto& secret : {made, brought, rotated, master}) {
    ASSERT_FALSE(secret.empty());
    EXPECT_EQ(all_.find(secret), std::string::npos) << all_;
  }
}

TEST_F(ChangeLog, IsLeftOutBelowTheLevel) {
  set_log_level(Level::warning);
  EXPECT_EQ(ask("DELETE", "/v1/keys/" + create({}), bearer(master)).status, 200);
  set_log_level(Level::info);
  EXPECT_TRUE(read().empty());
}

}  // namespace revoked::net::change_log_test
