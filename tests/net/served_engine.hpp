#pragma once
// The engine and everything that serves it, over a disk that a test can hold back and break.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net/engine_service.hpp"
#include "net/server.hpp"
#include "tests/engine/fake_store.hpp"
#include "tests/net/raw_client.hpp"
#include "tests/net/test_service.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/http_client.hpp"

namespace revoked::net::test {

inline const std::string master_key = "the-master-key-of-the-tests";

class ServedEngine {
 public:
  struct Options {
    ServerLimits limits;
    std::size_t threads = 1;
    bool starts = true;
    std::string master_key_file{};       // empty: master_key alone
    std::optional<JwtOptions> tokens{};  // none: no token is good
  };

  ServedEngine() : ServedEngine(Options{}) {}
  explicit ServedEngine(const Options& options)
      : engine_({}, [this] { server_.close_gates(); }),
        authenticator_(engine_, master_keys_of(options), tokens_of(options)),
        service_({engine_, feed_, authenticator_, {}, draining}),
        server_(loopback(options.limits, options.threads), service_, &engine_),
        port_(server_.port()) {
    feed_.add_watcher([this] { server_.notify_all(); });
    if (options.starts) start();
  }
  ~ServedEngine() {
    disk_->unblock();
    server_.drain();
    engine_.stop();  // before the gates go, which it tells
  }

  void start() {
    ASSERT_TRUE(engine_.start(std::make_unique<engine::test::FakeStore>(disk_), feed_,
                              [](const engine::LoadProgress&) {}));
  }

  engine::test::FakeDisk& disk() { return *disk_; }
  engine::Engine& engine() { return engine_; }
  cache::Feed& feed() { return feed_; }
  Server& server() { return server_; }
  std::uint16_t port() const { return port_; }
  std::atomic<bool> draining{false};

  revoked::test::HttpClient client(const std::string& key = master_key) const {
    revoked::test::HttpClient client(port_);
    client.add_header("Authorization", "Bearer " + key);
    return client;
  }
  // As text, for raw sockets.
  static std::string request(std::string_view method, std::string_view target,
                             std::string_view headers = {}) {
    return std::string(method) + " " + std::string(target) +
           " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + master_key + "\r\n" + std::string(headers) +
           "\r\n";
  }

  // A durable key whose secret is its id.
  engine::Sequence create(std::string_view id, std::string_view permissions = {},
                          std::string_view user = {}) {
    engine::NewKey key;
    key.key_id = id;
    key.digest = engine::sha256(id);
    key.owners[0] = user;
    key.permissions = permissions;
    const auto created = engine_.create(key, {});
    EXPECT_TRUE(created);
    EXPECT_TRUE(settle());
    return created->sequence;
  }
  engine::Sequence revoke(std::string_view id) {
    const auto revoked = engine_.revoke(id, "", {});
    EXPECT_TRUE(revoked);
    return revoked->sequence;
  }
  // Everything so far is durable.
  bool settle() {
    return revoked::test::eventually([this] { return engine_.durable() == engine_.applied(); });
  }

 private:
  static std::unique_ptr<const MasterKeys> master_keys_of(const Options& options) {
    if (!options.master_key_file.empty())
      return std::make_unique<const MasterKeys>(options.master_key_file, nullptr);
    return std::make_unique<const MasterKeys>(std::vector{master_key});
  }
  static std::unique_ptr<const JwtVerifier> tokens_of(const Options& options) {
    return options.tokens ? std::make_unique<const JwtVerifier>(*options.tokens) : nullptr;
  }

  std::shared_ptr<engine::test::FakeDisk> disk_ = std::make_shared<engine::test::FakeDisk>();
  cache::Feed feed_;
  engine::Engine engine_;
  Authenticator authenticator_;
  EngineService service_;
  Server server_;
  const std::uint16_t port_;
};

}  // namespace revoked::net::test
