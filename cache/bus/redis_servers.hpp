#pragma once
// The servers that an address names, each tried in its turn: a TCP server, several, or a UNIX socket.
// Internal to this room; on the io_context's thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/bus/redis.hpp"
#include "cache/bus/redis_stream.hpp"
#include "cache/wire/endpoint.hpp"

namespace revoked::cache {

class RedisServers {
 public:
  RedisServers(asio::io_context& io, std::vector<RedisServer> servers);
  explicit RedisServers(std::string unix_path) : unix_path_(std::move(unix_path)) {}

  // Goes on to the next server, and to the next address of a server that has several. Calls `done` at once or
  // later, with an empty `failure` or with a text for a log; not once this is destroyed.
  using Done = std::function<void(std::string_view failure, const RedisStream::Endpoint& endpoint)>;
  void find(Done done);

  // That find() went on to. Empty if it is a UNIX socket.
  const RedisServer& chosen() const { return chosen_; }
  bool is_one() const { return servers_.size() <= 1; }

 private:
  struct Known {
    RedisServer server;
    std::unique_ptr<NameLookup> addresses;
    std::size_t tries = 0;
  };

  std::string unix_path_;
  std::vector<Known> servers_;
  std::size_t next_ = 0;
  RedisServer chosen_;
};

// To a server of this address, whose certificate must be for `host`.
std::shared_ptr<RedisStream> make_stream(asio::io_context& io, const RedisAddress& address,
                                         const std::string& host, RedisStream::Listener listener);
// AUTH, if the address has a password; one reply follows.
bool append_sign_in(std::string& out, const RedisAddress& address);

}  // namespace revoked::cache
