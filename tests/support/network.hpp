#pragma once
// Private hosts of a test: each is a network namespace with one address, behind a router that can drop
// packets from one host to another. It is invisible outside, and is removed with the last process in it,
// however the test ends.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

class Network {
 public:
  // Whether network namespaces are permitted here.
  static bool is_permitted();
  static constexpr auto why_not = "network namespaces are not permitted here, or ip(8) is missing";

  explicit Network(std::size_t hosts);  // at most 200; throws
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  std::string address(std::size_t host) const { return "10.77." + std::to_string(host) + ".2"; }

  // Of packets, from one host to another. They are dropped without notice to the sender.
  struct Direction {
    std::size_t from;
    std::size_t to;
  };
  void cut(const std::vector<Direction>& directions);  // in addition
  void mend();                                         // all

  // During its lifetime, sockets and processes that this thread creates are on that host; existing sockets
  // stay on theirs. On its own host each is reachable as 127.0.0.1.
  class Stay {
   public:
    Stay(const Network& network, std::size_t host) : Stay(&network, host) {}
    Stay(const Network* network, std::size_t host);  // null: where it is
    ~Stay();
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;

   private:
    int home_;
  };

 private:
  void run_ip(int in, const std::string& lines) const;
  std::string rules(std::string_view verb, const std::vector<Direction>& directions) const;

  TemporaryDirectory directory_;
  int router_ = -1;
  std::vector<int> hosts_;  // descriptors of the namespaces
  std::vector<Direction> cut_;
};

}  // namespace revoked::test
