#pragma once
// A proxy that runs an example of tools/gateways, unchanged except for the ports.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/nginx_server.hpp"

namespace revoked::test {

// Throws if `what` is not in the text of an example.
void replace_once(std::string& text, std::string_view what, const std::string& with);

class ExampleProxy {
 public:
  // `program` is nginx, caddy or haproxy. Throws if it does not start, or is not installed.
  ExampleProxy(const std::string& program, std::uint16_t gateway_port, std::uint16_t service_port);

  std::uint16_t port() const { return nginx_ ? nginx_->port() : port_.number(); }
  HttpClient client() const { return HttpClient(port()); }
  std::string log_text() const { return nginx_ ? nginx_->error_log() : process_->log_text(); }

 private:
  std::string example(const std::string& name) const;  // with this test's ports
  void start(std::vector<std::string> command);

  const std::uint16_t gateway_port_;
  const std::uint16_t service_port_;
  TemporaryDirectory directory_;
  ReservedPort port_;
  std::optional<NginxServer> nginx_;
  std::optional<Process> process_;
};

}  // namespace revoked::test
