#pragma once
// A private nginx: its configuration, pid, logs and temporary files are in a directory of the test, separate
// from an nginx of the system.

#include <string>

#include "tests/support/http_client.hpp"
#include "tests/support/process.hpp"
#include "tests/support/reserved_port.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

class NginxServer {
 public:
  // `http_block` is put into the http block; $PORT in it is replaced by a free port. `modules` are loaded,
  // each from Debian's file of that name.
  explicit NginxServer(std::string http_block, const std::vector<std::string>& modules = {});

  std::uint16_t port() const { return port_.number(); }
  HttpClient client() const { return HttpClient(port()); }
  std::string error_log() const { return read_file(directory_ / "error.log"); }
  Process& process() { return *process_; }

 private:
  TemporaryDirectory directory_;
  ReservedPort port_;
  std::optional<Process> process_;
};

// Passes everything to the engine with the defaults of nginx: HTTP/1.0, buffered answers.
std::string plain_proxy_config(std::uint16_t engine_port);

// Passes everything to the engine except the feed, which answers 503: a gateway behind it can ask, and
// receives no messages.
std::string no_feed_config(std::uint16_t engine_port);

}  // namespace revoked::test
