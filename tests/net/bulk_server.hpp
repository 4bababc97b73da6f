#pragma once
// The engine's API on loopback within the test: a server over a disk in memory that a test can hold back, and
// a client with the master key.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cache/feed.hpp"
#include "net/engine_service.hpp"
#include "net/server.hpp"
#include "tests/engine/fake_store.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/http_client.hpp"

namespace revoked::net::test {

using revoked::test::Headers;
using revoked::test::HttpClient;
using revoked::test::HttpResponse;
using revoked::test::Json;

inline constexpr const char* master_key = "the master key of this test";

class ApiServer {
 public:
  explicit ApiServer(ServerLimits limits = {}, std::string pepper = {})
      : engine_({.pepper = std::move(pepper), .folding = {}}, [] {}) {
    server_ = std::make_unique<Server>(
        Server::Options{{cache::asio::ip::address_v4::loopback(), 0}, 1, limits}, service_, &engine_);
    EXPECT_TRUE(engine_.start(std::make_unique<engine::test::FakeStore>(disk_), feed_, [](const auto&) {}));
  }
  ~ApiServer() {
    server_->drain();
    engine_.stop();
    server_.reset();
  }

  engine::test::FakeDisk& disk() { return *disk_; }
  engine::Engine& engine() { return engine_; }
  HttpClient client(const std::string& key = master_key) const {
    HttpClient client(server_->port());
    client.add_header("Authorization", "Bearer " + key);
    return client;
  }

 private:
  std::shared_ptr<engine::test::FakeDisk> disk_ = std::make_shared<engine::test::FakeDisk>();
  engine::Engine engine_;
  cache::Feed feed_;
  Authenticator authenticator_{engine_, {master_key}};
  std::atomic<bool> draining_{false};
  EngineService service_{Api{engine_, feed_, authenticator_, {}, draining_}};
  std::unique_ptr<Server> server_;
};

inline std::string hex_of(const std::string& secret) { return engine::to_hex(engine::sha256(secret)); }

// A line of an import: a key whose secret is "secret of <id>".
inline std::string import_line(const std::string& id, const std::string& more = "") {
  return R"({"key_id":")" + id + R"(","secret_sha256":")" + hex_of("secret of " + id) + "\"" + more + "}\n";
}

// As many chunks as asked for.
inline std::string chunked(const std::string& body, std::size_t chunk_bytes) {
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += chunk_bytes) {
    const auto piece = body.substr(at, chunk_bytes);
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    out.append(size).append(piece).append("\r\n");
  }
  return out + "0\r\n\r\n";
}

}  // namespace revoked::net::test
