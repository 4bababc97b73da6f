#include "tests/net/api/bulk_server.hpp"

namespace revoked::net::test {

std::string hex_of(const std::string& secret) { return engine::to_hex(engine::sha256(secret)); }

std::string import_line(const std::string& id, const std::string& more) {
  return R"({"key_id":")" + id + R"(","secret_sha256":")" + hex_of("secret of " + id) + "\"" + more + "}\n";
}

std::string chunked(const std::string& body, std::size_t chunk_bytes) {
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += chunk_bytes) {
    const auto piece = body.substr(at, chunk_bytes);
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    out.append(size).append(piece).append("\r\n");
  }
  return out + "0\r\n\r\n";
}

ApiServer::ApiServer(ServerLimits limits, std::string pepper)
    : engine_({.pepper = std::move(pepper)}, [] {}) {
  server_ = std::make_unique<Server>(Server::Options{{cache::asio::ip::address_v4::loopback(), 0}, 1, limits},
                                     service_, &durability_);
  EXPECT_TRUE(engine_.start(std::make_unique<engine::test::FakeStore>(disk_), feed_, [](const auto&) {}));
}

ApiServer::~ApiServer() {
  server_->drain();
  engine_.stop();
  server_.reset();
}

HttpClient ApiServer::client(const std::string& key) const {
  HttpClient client(server_->port());
  client.add_header("Authorization", "Bearer " + key);
  return client;
}

}  // namespace revoked::net::test
