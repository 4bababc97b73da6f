#pragma once
// Where a peer listens: host and port as people write them, and the addresses behind a name.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/wire/asio.hpp"

namespace revoked::cache {

// "host", "host:port", "[v6]" or "[v6]:port". The port keeps its value if there is none. False, and nothing
// changed, for anything else.
bool parse_endpoint(std::string_view text, std::string& host, std::uint16_t& port);

// The reverse, as a Host header has it.
std::string format_endpoint(std::string_view host, std::uint16_t port);

using TcpEndpoints = std::vector<asio::ip::tcp::endpoint>;

// Finds the addresses of one host without blocking the io_context. The system's resolver cannot be
// interrupted, so there is one look-up at a time, shared by everyone who waits. One thread.
class NameLookup {
 public:
  NameLookup(asio::io_context& io, std::string host, std::uint16_t port);
  ~NameLookup();  // what is waited for is not told any more

  // At once if the host is an address. Without an error the list is not empty.
  using Done = std::function<void(error_code, const TcpEndpoints&)>;
  void find(Done done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace revoked::cache
