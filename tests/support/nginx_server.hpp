#pragma once
// A private nginx: its own configuration, pid, logs and temporary files in a directory of the test's. It
// never meets an nginx of the system.

#include <string>

#include "tests/support/http_client.hpp"
#include "tests/support/process.hpp"
#include "tests/support/reserved_port.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

class NginxServer {
 public:
  // `http_block` goes into the http block; $PORT and $UPSTREAM in it stand for two free ports of ours.
  explicit NginxServer(std::string http_block);

  std::uint16_t port() const { return port_.number(); }
  HttpClient client() const { return HttpClient(port()); }
  std::string error_log() const { return read_file(directory_ / "error.log"); }

 private:
  TemporaryDirectory directory_;
  ReservedPort port_;
  ReservedPort upstream_;
  std::optional<Process> process_;
};

// auth_request to the gateway before an upstream that answers 200 "hello from upstream, <key id>".
std::string auth_request_config(std::uint16_t gateway_port);

// Passes everything to the engine but the feed, which answers 503: a gateway behind it can ask and never
// hears.
std::string no_feed_config(std::uint16_t engine_port);

}  // namespace revoked::test
