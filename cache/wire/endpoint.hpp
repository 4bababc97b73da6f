#pragma once
// Address of a peer: host and port as text, alone and in the URL of an HTTP server, and name resolution.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/wire/asio.hpp"

namespace revoked::cache {

// "host", "host:port", "[v6]" or "[v6]:port". Without a port, `port` is unchanged. For anything else returns
// false and changes nothing.
bool parse_endpoint(std::string_view text, std::string& host, std::uint16_t& port);

// The reverse, in the format of a Host header.
std::string format_endpoint(std::string_view host, std::uint16_t port);

// An HTTP server: http://host[:port] or https://host[:port].
struct HttpAddress {
  std::string host;
  std::uint16_t port = 0;
  bool is_encrypted = false;

  bool operator==(const HttpAddress&) const = default;
};

// The port is `usual_port` if the URL has none. A slash may follow, but no path. Empty: anything else.
std::optional<HttpAddress> parse_http_url(std::string_view url, std::uint16_t usual_port);
// Several of them, separated by commas. Empty: one of them is none, or is there twice.
std::vector<HttpAddress> parse_http_urls(std::string_view urls, std::uint16_t usual_port);
// The reverse, with the port.
std::string format_http_url(const HttpAddress& address);

using TcpEndpoints = std::vector<asio::ip::tcp::endpoint>;

// Resolves one host without blocking the io_context. The system's resolver cannot be interrupted, so one
// look-up runs at a time and all callers share it. One thread.
class NameLookup {
 public:
  NameLookup(asio::io_context& io, std::string host, std::uint16_t port);
  ~NameLookup();  // pending callbacks are not called

  // Calls `done` at once if the host is an address. Without an error the list is not empty.
  using Done = std::function<void(error_code, const TcpEndpoints&)>;
  void find(Done done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace revoked::cache
