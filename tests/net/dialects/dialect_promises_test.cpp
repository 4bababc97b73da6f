// Holds for every dialect: it waits for the disk, reports when it cannot serve, and follows HTTP.

#include <future>

#include "tests/net/dialects/dialect_fixture.hpp"

namespace revoked::net::dialect_promises_test {

struct DialectCase {
  std::string name;
  std::string path;  // before the key's id
  bool takes_tokens = false;
  int success = 200;
  int again = 200;
};

void PrintTo(const DialectCase& dialect, std::ostream* out) { *out << dialect.name; }

class EveryDialect : public DialectTest, public testing::WithParamInterface<DialectCase> {
 protected:
  void SetUp() override {}  // loading, until start()

  Headers caller() {
    if (GetParam().takes_tokens) return bearer(token({{"scope", R"("keys:revoke")"}}));
    const auto key = secret({.user = "ann", .workspace = "w1", .permissions = revoker});
    return {{"Authorization", key}, {"X-API-Key", key}};
  }
  std::string target() { return create({.user = "ann", .application = application_1, .workspace = "w1"}); }
};

TEST_P(EveryDialect, AnswersOnceTheDiskHasIt) {
  start();
  auto headers = caller();
  if (GetParam().name == "flowise") headers = bearer(headers.front().second);
  const auto key = target();
  disk_->block();
  auto first = std::async(std::launch::async, [&] { return ask("DELETE", GetParam().path + key, headers); });
  ASSERT_TRUE(eventually([&] { return is_revoked(key); })) << "a deny may precede the sync";
  HttpClient other(server_->port());
  auto second =
      std::async(std::launch::async, [&] { return other.request("DELETE", GetParam().path + key, headers); });
  EXPECT_EQ(first.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout)
      << "it also reports the key as revoked";
  disk_->unblock();
  const auto answer = first.get();
  EXPECT_EQ(answer.status, GetParam().success) << answer.body;
  EXPECT_FALSE(answer.header("Revocation-Position").empty());
  EXPECT_EQ(second.get().status, GetParam().again);
  EXPECT_EQ(reason_of(key), GetParam().name);
}

TEST_P(EveryDialect, IsUnavailableWhileTheEngineLoads) {
  const auto answer = ask("DELETE", GetParam().path + absent_id, bearer(master));
  expect_json(answer, 503);
  EXPECT_EQ(answer.header("Retry-After"), "1");
}

TEST_P(EveryDialect, KnowsItsMethods) {
  start();
  const auto path = GetParam().path + absent_id;
  const auto options = ask("OPTIONS", path);
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "DELETE, OPTIONS");
  EXPECT_EQ(options.body + options.header("Content-Length") + options.header("Content-Type"), "");
  for (const auto* method : {"GET", "PUT", "BREW", "HEAD"}) {
    const auto refused = ask(method, path);
    EXPECT_EQ(refused.status, 405) << method;
    EXPECT_EQ(refused.header("Allow"), "DELETE, OPTIONS");
    EXPECT_EQ(refused.header("Content-Type"), "application/json");
    EXPECT_EQ(refused.body.empty(), method == std::string_view("HEAD"));
  }
  expect_json(ask("DELETE", path + "/more"), 404);
}

TEST_P(EveryDialect, JournalKnowsWhoAndWhence) {
  start();
  auto headers = caller();
  const bool is_token = GetParam().takes_tokens;
  if (GetParam().name == "flowise") headers = bearer(headers.front().second);
  headers.emplace_back("X-Request-Id", "req-77");
  ASSERT_EQ(ask("DELETE", GetParam().path + target(), headers).status, GetParam().success);
  int seen = 0;
  ASSERT_TRUE(engine_.read_journal(0, [&](const engine::BatchView& batch) {
    batch.for_each([&](engine::Sequence, const engine::EventView& event) {
      if (event.type != engine::EventType::key_revoked) return;
      ++seen;
      EXPECT_EQ(event[engine::Field::actor] == "alice", is_token);
      EXPECT_FALSE(event[engine::Field::actor].empty());
      EXPECT_EQ(event[engine::Field::address], "127.0.0.1");
      EXPECT_EQ(event[engine::Field::request_id], "req-77");
      EXPECT_EQ(event[engine::Field::reason], GetParam().name);
    });
    return true;
  }));
  EXPECT_EQ(seen, 1);
}

TEST_P(EveryDialect, DecodesThePath) {
  start();
  auto headers = caller();
  if (GetParam().name == "flowise") headers = bearer(headers.front().second);
  const auto key = target();
  // The first digit as %3x, and a trailing slash.
  const auto encoded = "%3" + key.substr(0, 1) + key.substr(1) + "/";
  EXPECT_EQ(ask("DELETE", GetParam().path + encoded, headers).status, GetParam().success);
  EXPECT_TRUE(is_revoked(key));
  EXPECT_EQ(ask("DELETE", GetParam().path + "%zz", headers).status, 404) << "no path at all";
}

INSTANTIATE_TEST_SUITE_P(
    , EveryDialect,
    testing::Values(DialectCase{"flowplate", "/v1/flowplate/api-keys/"},
                    DialectCase{"applications", "/api/v1/applications/" + application_1 + "/api-keys/", true},
                    DialectCase{"flowise", "/api/v1/apikey/", false, 200, 404},
                    DialectCase{"trieve", "/api/user/api_key/", false, 204, 204}),
    [](const auto& dialect) { return dialect.param.name; });

TEST_F(DialectTest, AuditTellsATokenFromTheKeyWhoseNameItBears) {
  const auto caller = create({.workspace = "w1", .permissions = revoker});
  const auto one = create({.workspace = "w1"});
  const auto two = create({.workspace = "w1"});
  ASSERT_EQ(ask("DELETE", "/v1/keys/" + one, bearer(secret_of(caller))).status, 200);
  const auto namesake = token({{"scope", R"("keys:revoke")"}, {"sub", '"' + caller + '"'}});
  ASSERT_EQ(ask("DELETE", "/v1/keys/" + two, bearer(namesake)).status, 200);
  const auto entries = ask("GET", "/v1/audit?actor=" + caller, bearer(master)).json()["entries"];
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0]["actor_kind"].text(), "key");
  EXPECT_EQ(entries[1]["actor_kind"].text(), "token");
}

TEST_F(DialectTest, ATokenIsNotToldWhatTheKeyWhoseNameItBearsWasAnswered) {
  const auto caller = create({.workspace = "w1", .permissions = "keys:create"});
  const auto namesake = token({{"scope", R"("keys:create")"}, {"sub", '"' + caller + '"'}});
  std::vector<std::string> secrets;
  for (const auto& credential : {secret_of(caller), namesake, secret_of(caller)}) {
    auto headers = bearer(credential);
    headers.emplace_back("Idempotency-Key", "one");
    const auto made = ask("POST", "/v1/keys", headers, R"({"workspace":"w1"})");
    ASSERT_EQ(made.status, 201) << made.body;
    secrets.push_back(made.json()["secret"].text());
  }
  EXPECT_NE(secrets[1], secrets[0]);
  EXPECT_EQ(secrets[2], secrets[0]);
}

TEST_F(DialectTest, RefusalsAreLoggedAtABoundedRateAndAllAreCounted) {
  std::string log;
  std::uint64_t refused = 0;
  const auto refuse = [&](int count) {
    testing::internal::CaptureStderr();
    for (int i = 0; i < count; ++i, ++refused) ask("DELETE", "/api/v1/apikey/k");
    const auto written = testing::internal::GetCapturedStderr();
    log += written;
    return !written.empty();
  };
  refuse(500);
  ASSERT_TRUE(eventually([&] { return refuse(1); })) << "the next line counts those without one";
  std::uint64_t lines = 0;
  std::uint64_t others = 0;
  const std::string_view counted = "\"others_before\":\"";
  for (auto at = log.find(counted); at != std::string::npos; at = log.find(counted, at + 1)) {
    ++lines;
    others += std::stoull(log.substr(at + counted.size()));
  }
  EXPECT_GE(lines, 1u);
  EXPECT_LE(lines, 100u) << "one per second and a small burst";
  EXPECT_GE(lines + others, refused) << "others may have been refused before";
}

TEST_F(DialectTest, PathsBesideADialectAreNative) {
  for (const auto* path : {"/v1/flowplates", "/api/v1/apikeys/a", "/api/users", "/api", "/"}) {
    const auto answer = ask("DELETE", path, bearer(master));
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << path;
  }
}

TEST_F(DialectTest, NativeApiTakesTokens) {
  const auto key = create({.workspace = "w1"});
  const auto foreign = create({.workspace = "w2"});
  const auto caller =
      bearer(token({{"permissions", R"(["keys:revoke","keys:read"])"}, {"workspace", R"(["w1","w3"])"}}));
  EXPECT_EQ(ask("GET", "/v1/keys/" + foreign, caller).status, 404);
  EXPECT_EQ(ask("DELETE", "/v1/keys/" + foreign, caller).status, 404);
  EXPECT_EQ(ask("DELETE", "/v1/keys/" + key, caller).status, 200);
  EXPECT_TRUE(is_revoked(key) && is_active(foreign));
  std::string actor;
  ASSERT_TRUE(engine_.read_journal(0, [&](const engine::BatchView& batch) {
    batch.for_each([&](engine::Sequence, const engine::EventView& event) {
      if (event.type == engine::EventType::key_revoked) actor = event[engine::Field::actor];
    });
    return true;
  }));
  EXPECT_EQ(actor, "alice");
}

}  // namespace revoked::net::dialect_promises_test
