#pragma once
// The engine's API on loopback within the test: a server over an in-memory disk that a test can block, and a
// client with the master key.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cache/feed/feed.hpp"
#include "net/api/engine_durability.hpp"
#include "net/api/engine_service.hpp"
#include "net/dialects/dialects.hpp"
#include "net/http/server.hpp"
#include "tests/engine/fake_store.hpp"
#include "tests/net/auth/master_key.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/http_client.hpp"

namespace revoked::net::test {

using revoked::test::Headers;
using revoked::test::HttpClient;
using revoked::test::HttpResponse;
using revoked::test::Json;

class ApiServer {
 public:
  explicit ApiServer(ServerLimits limits = {}, std::string pepper = {});
  ~ApiServer();

  engine::test::FakeDisk& disk() { return *disk_; }
  engine::Engine& engine() { return engine_; }
  HttpClient client(const std::string& key = master_key) const;

 private:
  std::shared_ptr<engine::test::FakeDisk> disk_ = std::make_shared<engine::test::FakeDisk>();
  engine::Engine engine_;
  cache::Feed feed_;
  Authenticator authenticator_{engine_, {master_key}};
  std::atomic<bool> draining_{false};
  EngineService service_{Api{engine_, feed_, authenticator_, {}, draining_}, all_dialects};
  EngineDurability durability_{engine_};
  std::unique_ptr<Server> server_;
};

std::string hex_of(const std::string& secret);

// A line of an import: a key whose secret is "secret of <id>".
std::string import_line(const std::string& id, const std::string& more = "");

// Splits the body into chunks of `chunk_bytes`.
std::string chunked(const std::string& body, std::size_t chunk_bytes);

}  // namespace revoked::net::test
