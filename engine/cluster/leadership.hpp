#pragma once
// The rules by which one of several engines leads, without a connection or a clock: each call passes in what
// was read or written, and when (BootClock; times of different engines are never compared).
//
//   - The leader raises the beat of its row (PostgresLog::Leader) well before its lease ends. The lease
//   counts
//     from before the last raise that succeeded was *sent*.
//   - A candidate replaces the row, by compare-and-set, once the beat has stood still for a whole lease since
//     it first *received* it, or nobody holds the row. Then the lease before is over: its last raise was sent
//     earlier, and no later one can succeed.
//   - A row that is held while a journal is moved (PostgresLog::moving) is not replaced, however long it
//     stands still: engines would begin an epoch after a part of the journal.
//   - A follower proves that it is up to date by a write of its own (its row in PostgresLog::engines()) which
//     the standby has confirmed: then no standby had been promoted, and what was acknowledged anywhere before
//     it sent that write is in the rows that it reads afterwards from the same server. Neither that a server
//     takes writes proves it, nor that the beat moves there: what an isolated former primary could not get
//     confirmed becomes visible once the connection that waits for it is lost. (tests/cluster/model)

#include <chrono>
#include <optional>

#include "engine/base/boot_clock.hpp"
#include "engine/log/postgres_log.hpp"

namespace revoked::engine {

class Leadership {
 public:
  using Time = BootClock::time_point;
  using Leader = PostgresLog::Leader;

  explicit Leadership(std::chrono::milliseconds lease) : lease_(lease) {}

  // Clocks of two machines may differ in speed by this part.
  static constexpr int drift = 100;
  std::chrono::nanoseconds own_lease() const { return lease_ - lease_ / drift; }
  std::chrono::nanoseconds lease_of_others() const { return lease_ + lease_ / drift; }

  void see(const Leader& row, Time received) {
    if (seen_ && row.term == seen_->term && row.beat == seen_->beat) return;
    still_since_ = received;
    seen_ = row;
  }

  // Whether this engine should take the row now; `seen()` is what it must still be.
  bool should_take(Time now) const {
    return seen_ && seen_->holder != PostgresLog::moving &&
           (seen_->holder.empty() || now - still_since_ >= lease_of_others());
  }
  const std::optional<Leader>& seen() const { return seen_; }

 private:
  const std::chrono::milliseconds lease_;
  std::optional<Leader> seen_;
  Time still_since_{};  // received the first look that showed this beat
};

}  // namespace revoked::engine
