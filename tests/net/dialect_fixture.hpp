#pragma once
// The engine with everything that it serves, its master keys and token keys in files, and callers of each
// kind. The disk is in memory, so that a test can break it.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "net/engine_service.hpp"
#include "net/server.hpp"
#include "tests/engine/fake_store.hpp"
#include "tests/net/signing_key.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::net {

using revoked::test::eventually;
using revoked::test::Headers;
using revoked::test::HttpClient;
using revoked::test::HttpResponse;

inline const std::string master = "the-master-key-of-these-tests";
inline const std::string application_1 = "11111111-aaaa-4aaa-8aaa-111111111111";
inline const std::string application_2 = "22222222-bbbb-4bbb-8bbb-222222222222";
inline const std::string absent_id = "99999999-dddd-4ddd-8ddd-999999999999";

inline const std::string revoker = "keys:revoke";

inline std::string upper(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// An answer of a dialect that has a body.
inline void expect_json(const HttpResponse& answer, int status) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_TRUE(answer.json().exists()) << answer.body;
  EXPECT_EQ(!answer.header("WWW-Authenticate").empty(), status == 401);
}

struct KeySetup {
  std::string user = {};
  std::string application = {};
  std::string workspace = {};
  std::string permissions = {};
  engine::UnixMs expires_at = 0;
};

class DialectTest : public testing::Test {
 protected:
  DialectTest() {
    write("master.key", master + "\n");
    write("jwks.json", "{\"keys\":[" + signing_key_.jwk("k1") + "]}");
    JwtOptions jwt;
    jwt.jwks_file = directory_ / "jwks.json";
    jwt.rules.audience = "revoked";
    authenticator_.emplace(engine_, std::make_unique<MasterKeys>(directory_ / "master.key", nullptr),
                           std::make_unique<JwtVerifier>(std::move(jwt)));
    service_.emplace(Api{engine_, feed_, *authenticator_, {}, draining_});
    Server::Options options;
    options.listen = {boost::asio::ip::address_v4::loopback(), 0};
    server_.emplace(options, *service_, &engine_);
    client_.emplace(server_->port());
  }
  ~DialectTest() override {
    disk_->unblock();
    server_->drain();
    engine_.stop();
  }

  void SetUp() override { start(); }
  void start() {
    ASSERT_TRUE(engine_.start(std::make_unique<engine::test::FakeStore>(disk_), feed_,
                              [](const engine::LoadProgress&) {}));
  }

  // As an operator should: another file, then renamed.
  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / "new") << text;
    std::filesystem::rename(directory_ / "new", directory_ / name);
  }

  static std::string secret_of(std::string_view key_id) { return "the-secret-of-" + std::string(key_id); }
  // A durable key; a UUID if `key_id` is empty. Answers its id.
  std::string create(const KeySetup& setup, std::string_view key_id = {}) {
    const auto id = key_id.empty() ? engine::new_key_id(engine::now_unix_ms()) : std::string(key_id);
    engine::NewKey key;
    key.key_id = id;
    key.digest = engine::sha256(secret_of(id));
    key.owners = {setup.user, setup.application, setup.workspace};
    key.permissions = setup.permissions;
    key.expires_at = setup.expires_at;
    EXPECT_TRUE(engine_.create(key, {}));
    EXPECT_TRUE(eventually([this] { return engine_.durable() == engine_.applied(); }));
    return id;
  }
  std::string secret(const KeySetup& setup) { return secret_of(create(setup)); }

  // Claims as JSON texts; one hour of life unless they say otherwise.
  std::string token(std::map<std::string, std::string> claims) const {
    claims.try_emplace("sub", R"("alice")");
    claims.try_emplace("aud", R"("revoked")");
    claims.try_emplace("exp", std::to_string(engine::now_unix_ms() / 1000 + 3600));
    std::string payload;
    for (const auto& [name, value] : claims)
      payload += (payload.empty() ? "{\"" : ",\"") + name + "\":" + value;
    return signing_key_.token(R"({"alg":"HS256","kid":"k1"})", payload + "}");
  }

  HttpResponse ask(std::string_view method, const std::string& target, const Headers& headers = {},
                   std::string_view body = {}) {
    return client_->request(method, target, headers, body);
  }
  static Headers bearer(const std::string& credential) { return {{"Authorization", "Bearer " + credential}}; }

  engine::KeyState state_of(const std::string& key_id) const {
    const auto found = engine_.describe(key_id, engine::now_unix_ms());
    return found ? found->decision.state : engine::KeyState::unknown;
  }
  std::string reason_of(const std::string& key_id) const {
    const auto found = engine_.describe(key_id, engine::now_unix_ms());
    return found && found->revocation ? found->revocation->reason : std::string();
  }
  bool is_active(const std::string& key_id) const { return state_of(key_id) == engine::KeyState::active; }
  bool is_revoked(const std::string& key_id) const { return state_of(key_id) == engine::KeyState::revoked; }

  revoked::test::TemporaryDirectory directory_;
  const revoked::test::SigningKey signing_key_ = revoked::test::SigningKey::hs256();
  std::shared_ptr<engine::test::FakeDisk> disk_ = std::make_shared<engine::test::FakeDisk>();
  cache::Feed feed_;
  std::atomic<bool> draining_{false};
  engine::Engine engine_{{}, [this] { server_->close_gates(); }};
  std::optional<Authenticator> authenticator_;
  std::optional<EngineService> service_;
  std::optional<Server> server_;
  std::optional<HttpClient> client_;
};

}  // namespace revoked::net
