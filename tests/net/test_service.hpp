#pragma once
// A service that shows what the server makes of a request, and a server that serves it.

#include <atomic>
#include <stdexcept>
#include <string>

#include "net/server.hpp"
#include "tests/support/http_client.hpp"

namespace revoked::net::test {

inline Server::Options loopback(const ServerLimits& limits = {}, std::size_t threads = 1) {
  Server::Options options;
  options.listen = {boost::asio::ip::address_v4::loopback(), 0};
  options.threads = threads;
  options.limits = limits;
  return options;
}

class TestService final : public Service {
 public:
  std::atomic<int> requests{0};
  std::atomic<bool> released{false};  // lets /later answer

  Outcome handle(Exchange& exchange) override {
    ++requests;
    const auto& request = exchange.request;
    if (request.path == "/later") return {0, answer_later(*this, exchange)};
    if (request.path == "/big") {
      exchange.response.send(200, "text/plain",
                             std::string(std::stoul(*query_value(request.query, "size")), 'x'));
    } else if (request.path == "/none") {
      exchange.response.send(204);
    } else if (request.path == "/close") {
      exchange.response.close_after();
      exchange.response.send(200, "text/plain", "bye");
    } else if (request.path == "/throw") {
      throw std::runtime_error("a handler with a bug");
    } else {
      exchange.response.header("X-Path", request.path).header("X-Remote", request.remote_address);
      exchange.response.send(200, "text/plain", request.body);
    }
    return {};
  }

 private:
  static Task<> answer_later(TestService& service, Exchange exchange) {
    auto& news = exchange.connection.thread().news();
    while (!service.released) co_await news.wait(std::chrono::milliseconds(2), news.count());
    exchange.response.send(200, "text/plain", "later");
  }
};

struct ServedTest {
  explicit ServedTest(const ServerLimits& limits = {}, std::size_t threads = 1)
      : server(loopback(limits, threads), service, nullptr), port(server.port()) {}

  revoked::test::HttpClient client() const { return revoked::test::HttpClient(port); }

  TestService service;
  Server server;
  const std::uint16_t port;
};

}  // namespace revoked::net::test
