#pragma once
// Acknowledged revocations, and what gateways allowed afterwards. Thread-safe.

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test {

struct Acknowledged {
  CreatedKey key;
  engine::Position position;
  std::chrono::steady_clock::time_point at;  // when the 2xx arrived
};

// A change that a client has asked for, with the repetitions of the request, which have one effect (P9).
struct Change {
  enum class Verb { create, revoke };
  Verb verb = Verb::revoke;
  CreatedKey key;
  std::chrono::steady_clock::time_point began;    // before the first request was sent
  std::chrono::steady_clock::time_point ended{};  // the answer arrived, or the client gave up
  engine::Position position{};                    // in the answer; zero: its outcome is unknown
  std::size_t engine = 0;                         // that was asked last, by its number
};

class Acknowledgements {
 public:
  void add(Acknowledged one);
  std::size_t size() const;
  // Appends those added since `known` was last read.
  void read_on(std::vector<Acknowledged>& known) const;
  std::vector<Acknowledged> all() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Acknowledged> all_;
};

// A gateway's lease counts from when the engine sent the last proof that the gateway received; a proof
// without the revocation was sent before its acknowledgement. So every check later than one lease after that
// (plus the drift of two clocks) must be denied, however busy the machine is.
class Lateness {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Lateness(std::chrono::milliseconds lease) : bound_(lease + clocks_differ) {}

  std::chrono::milliseconds bound() const { return bound_; }
  void allowed(const std::string& gateway, const Acknowledged& one, Clock::time_point asked);

  std::string violations() const;           // empty: none; else gateway, key, how late
  std::chrono::milliseconds worst() const;  // from an acknowledgement to an allowed check, at most
  std::size_t allowed() const;              // checks allowed after an acknowledgement

 private:
  static constexpr std::chrono::milliseconds clocks_differ{60};
  static constexpr std::size_t max_told = 20;

  const std::chrono::milliseconds bound_;
  mutable std::mutex mutex_;  // guards what follows
  std::string violations_;
  std::size_t late_ = 0;
  std::size_t allowed_ = 0;
  Clock::duration worst_{};
};

}  // namespace revoked::test
