#pragma once
// The engine and everything that serves it, over a disk that a test can block and break.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net/api/engine_durability.hpp"
#include "net/api/engine_service.hpp"
#include "net/dialects/dialects.hpp"
#include "net/http/server.hpp"
#include "tests/engine/fake_store.hpp"
#include "tests/net/auth/master_key.hpp"
#include "tests/net/http/raw_client.hpp"
#include "tests/net/http/test_service.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/http_client.hpp"

namespace revoked::net::test {

class ServedEngine {
 public:
  struct Options {
    ServerLimits limits;
    std::size_t threads = 1;
    bool starts = true;
    std::string master_key_file{};       // empty: master_key only
    std::optional<JwtOptions> tokens{};  // nullopt: no token is accepted
    std::shared_ptr<const openapi::Document> document{};
  };

  ServedEngine();
  explicit ServedEngine(const Options& options);
  ~ServedEngine();

  void start();

  engine::test::FakeDisk& disk() { return *disk_; }
  engine::Engine& engine() { return engine_; }
  cache::Feed& feed() { return feed_; }
  Server& server() { return server_; }
  std::uint16_t port() const { return port_; }
  std::atomic<bool> draining{false};

  // With the secret_of(key).
  revoked::test::HttpClient client(const std::string& key = master_key) const;
  // As text, for raw sockets.
  static std::string request(std::string_view method, std::string_view target, std::string_view headers = {});

  // A secret made from a short id, padded to the minimum size.
  static std::string secret_of(std::string_view id);
  // A durable key whose secret is secret_of(id).
  engine::Sequence create(std::string_view id, std::string_view permissions = {}, std::string_view user = {});
  engine::Sequence revoke(std::string_view id);
  // Waits until everything so far is durable.
  bool sync();

 private:
  Api api_of(const Options& options);
  static std::unique_ptr<const MasterKeys> master_keys_of(const Options& options);
  static std::unique_ptr<const JwtVerifier> tokens_of(const Options& options);

  std::shared_ptr<engine::test::FakeDisk> disk_ = std::make_shared<engine::test::FakeDisk>();
  cache::Feed feed_;
  engine::Engine engine_;
  Authenticator authenticator_;
  EngineService service_;
  EngineDurability durability_;
  Server server_;
  const std::uint16_t port_;
};

}  // namespace revoked::net::test
