#include "tests/net/http/test_service.hpp"

#include <thread>

namespace revoked::net::test {

Server::Options loopback(const ServerLimits& limits, std::size_t threads,
                         std::shared_ptr<ServerCertificate> certificate) {
  Server::Options options;
  options.listen = {boost::asio::ip::address_v4::loopback(), 0};
  options.threads = threads;
  options.limits = limits;
  options.certificate = std::move(certificate);
  return options;
}

Outcome TestService::handle(Exchange& exchange) {
  ++requests;
  const auto& request = exchange.request;
  if (request.path == "/later") return {0, answer_later(*this, exchange)};
  if (request.path == "/blocking") {
    while (!released) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    exchange.response.send(204);
  } else if (request.path == "/big") {
    exchange.response.send(
        200, "text/plain",
        std::string(std::stoul(std::string(request.query.substr(request.query.find('=') + 1))), 'x'));
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

Task<> TestService::answer_later(TestService& service, Exchange exchange) {
  auto& news = exchange.connection.thread().news();
  while (!service.released) co_await news.wait(std::chrono::milliseconds(2), news.count());
  exchange.response.send(200, "text/plain", "later");
}

ServedTest::ServedTest(const ServerLimits& limits, std::size_t threads,
                       std::shared_ptr<ServerCertificate> certificate)
    : server(loopback(limits, threads, std::move(certificate)), service, nullptr), port(server.port()) {}

revoked::test::HttpClient ServedTest::client() const { return revoked::test::HttpClient(port); }

ServedTest::~ServedTest() = default;

}  // namespace revoked::net::test
