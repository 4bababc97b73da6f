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
  // `http_block` goes into the http block; $PORT in it stands for a free port of ours.
  explicit NginxServer(std::string http_block);

  std::uint16_t port() const { return port_.number(); }
  HttpClient client() const { return HttpClient(port()); }
  std::string error_log() const { return read_file(directory_ / "error.log"); }

 private:
  TemporaryDirectory directory_;
  ReservedPort port_;
  std::optional<Process> process_;
};

// Passes everything to the engine as nginx does by default: in HTTP/1.0, and answers kept in a buffer.
std::string plain_proxy_config(std::uint16_t engine_port);

// Passes everything to the engine but the feed, which answers 503: a gateway behind it can ask and never
// hears.
std::string no_feed_config(std::uint16_t engine_port);

}  // namespace revoked::test
