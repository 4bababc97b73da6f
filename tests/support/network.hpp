#pragma once
// Hosts of a test's own: each is a network namespace with one address, behind a router that can drop what one
// host sends to another. Nothing of it is seen outside, and it goes with the last process in it, however the
// test ends.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

class Network {
 public:
  // Whether network namespaces may be made here.
  static bool is_permitted();
  static constexpr auto why_not = "network namespaces are not permitted here, or ip(8) is missing";

  explicit Network(std::size_t hosts);  // at most 200; throws
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  std::string address(std::size_t host) const { return "10.77." + std::to_string(host) + ".2"; }

  // Of packets, from one host to another. Sent ones vanish: nobody is told.
  struct Direction {
    std::size_t from;
    std::size_t to;
  };
  void cut(const std::vector<Direction>& directions);  // in addition
  void mend();                                         // all

  // While it lives, the sockets and processes that this thread makes are on that host; existing sockets stay
  // where they were made. On its own host each finds itself as 127.0.0.1.
  class Stay {
   public:
    Stay(const Network& network, std::size_t host);
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
