#pragma once
// A service behind one of the followers of tools/gateways, each as its own program: it answers a request with
// what it was told about the key, and echoes what it receives over a WebSocket.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/support/fake_engine.hpp"
#include "tests/support/nginx_server.hpp"

namespace revoked::test {

class FollowerExample {
 public:
  struct Options {
    std::uint16_t engine_port = 0;
    std::string engine_key{};  // with permission `gateway`
    std::chrono::seconds lease{3};
    bool allows_preflight = false;
  };
  // `kind` is python, node or nginx. Throws if it does not start, or something that it uses is not installed.
  FollowerExample(const std::string& kind, const Options& options);

  HttpClient client() const { return HttpClient(port_); }
  Process& process() { return nginx_ ? nginx_->process() : *process_; }
  std::string log_text() const { return nginx_ ? nginx_->error_log() : process_->description(); }

 private:
  void start_program(const std::string& kind, const Options& options);
  void start_nginx(const Options& options);

  TemporaryDirectory directory_;
  std::uint16_t port_ = 0;
  std::optional<FakeEngine> service_;  // behind nginx
  std::optional<NginxServer> nginx_;
  std::optional<Process> process_;
};

}  // namespace revoked::test
