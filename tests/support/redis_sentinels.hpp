#pragma once
// A Redis with a replica, and three Sentinels that agree on which of the two is the primary.

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/reserved_port.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

class RedisSentinels {
 public:
  static constexpr const char* name = "the-primary";

  RedisSentinels();  // returns once they know each other and the replica

  std::string url() const;  // redis+sentinel://…
  RedisServer& first() { return first_; }
  RedisServer& second() { return second_; }
  std::uint16_t primary_port() const;  // as the first Sentinel sees it
  // Asks the first Sentinel to make the replica the primary; whether it will.
  bool fail_over();

 private:
  std::uint16_t sentinel_port(std::size_t i) const;

  struct Sentinel {
    ReservedPort port;
    TemporaryDirectory directory;
    std::unique_ptr<Process> process;
  };

  RedisServer first_{{"--repl-diskless-sync-delay", "0"}};
  RedisServer second_{
      {"--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", std::to_string(first_.port())}};
  std::list<Sentinel> sentinels_;
};

}  // namespace revoked::test
