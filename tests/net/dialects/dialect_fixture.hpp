#pragma once
// The engine with everything that it serves, its master keys and token keys in files, and callers of each
// kind. The disk is in memory, so that a test can break it.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "net/api/engine_durability.hpp"
#include "net/api/engine_service.hpp"
#include "net/dialects/dialects.hpp"
#include "net/http/server.hpp"
#include "tests/engine/fake_store.hpp"
#include "tests/net/auth/signing_key.hpp"
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

std::string upper(std::string text);

// A response of a dialect that has a body.
void expect_json(const HttpResponse& answer, int status);

struct KeySetup {
  std::string user = {};
  std::string application = {};
  std::string workspace = {};
  std::string permissions = {};
  engine::UnixMs expires_at = 0;
};

class DialectTest : public testing::Test {
 protected:
  DialectTest();
  ~DialectTest() override;

  void SetUp() override { start(); }
  void start();

  // As recommended: written to another file, then renamed.
  void write(const std::string& name, const std::string& text);

  static std::string secret_of(std::string_view key_id) { return "the-secret-of-" + std::string(key_id); }
  // A durable key; a UUID if `key_id` is empty. Returns its id.
  std::string create(const KeySetup& setup, std::string_view key_id = {});
  std::string secret(const KeySetup& setup);

  // Claims as JSON texts; expires in one hour by default.
  std::string token(std::map<std::string, std::string> claims) const;

  HttpResponse ask(std::string_view method, const std::string& target, const Headers& headers = {},
                   std::string_view body = {});
  static Headers bearer(const std::string& credential) { return {{"Authorization", "Bearer " + credential}}; }

  engine::KeyState state_of(const std::string& key_id) const;
  std::string reason_of(const std::string& key_id) const;
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
  EngineDurability durability_{engine_};
  std::optional<Server> server_;
  std::optional<HttpClient> client_;
};

}  // namespace revoked::net
