#pragma once
// A service that returns what the server makes of a request, and a server that serves it.

#include <atomic>
#include <stdexcept>
#include <string>

#include "net/http/server.hpp"
#include "tests/support/http_client.hpp"

namespace revoked::net::test {

Server::Options loopback(const ServerLimits& limits = {}, std::size_t threads = 1,
                         std::shared_ptr<ServerCertificate> certificate = {});

class TestService final : public Service {
 public:
  std::atomic<int> requests{0};
  mutable std::atomic<int> heads{0};  // of requests with a body, each time they are examined
  std::atomic<bool> released{false};  // lets /later and /blocking answer

  bool takes_body(const Request&) const override {
    ++heads;
    return false;
  }
  Outcome handle(Exchange& exchange) override;

 private:
  static Task<> answer_later(TestService& service, Exchange exchange);
};

struct ServedTest {
  // With a certificate it serves HTTPS.
  explicit ServedTest(const ServerLimits& limits = {}, std::size_t threads = 1,
                      std::shared_ptr<ServerCertificate> certificate = {});
  ~ServedTest();

  revoked::test::HttpClient client() const;

  TestService service;
  Server server;
  const std::uint16_t port;
};

}  // namespace revoked::net::test
