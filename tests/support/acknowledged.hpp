#pragma once
// Revocations that were acknowledged, and what gateways allowed afterwards. Any thread.

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test {

struct Acknowledged {
  CreatedKey key;
  engine::Position position;
  std::chrono::steady_clock::time_point at;  // when the 2xx was here
};

class Acknowledgements {
 public:
  void add(Acknowledged one);
  std::size_t size() const;
  // Appends those that have come since `known` was read last.
  void read_on(std::vector<Acknowledged>& known) const;
  std::vector<Acknowledged> all() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Acknowledged> all_;
};

// A gateway's lease counts from when the engine sent the last proof that the gateway heard; one that does not
// tell of the revocation was sent before its acknowledgement. So whatever is asked later than a lease after
// that (and what two clocks drift apart meanwhile) is denied, however busy the machine is.
class Lateness {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Lateness(std::chrono::milliseconds lease) : bound_(lease + clocks_differ) {}

  std::chrono::milliseconds bound() const { return bound_; }
  void allowed(const std::string& gateway, const Acknowledged& one, Clock::time_point asked);

  std::string violations() const;           // empty: none; who, which key, how late
  std::chrono::milliseconds worst() const;  // asked so long after an acknowledgement, and allowed
  std::size_t allowed() const;              // after an acknowledgement

 private:
  static constexpr std::chrono::milliseconds clocks_differ{60};
  static constexpr std::size_t max_told = 20;

  const std::chrono::milliseconds bound_;
  mutable std::mutex mutex_;  // of what follows
  std::string violations_;
  std::size_t late_ = 0;
  std::size_t allowed_ = 0;
  Clock::duration worst_{};
};

}  // namespace revoked::test
