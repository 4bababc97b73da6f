#pragma once
// What clients saw of several engines on one journal, recorded from outside by one clock, and the journal
// itself as read from the primary: a checker of both, in the manner of Jepsen.

#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/event.hpp"
#include "tests/support/acknowledged.hpp"
#include "tests/support/postgres_server.hpp"

namespace revoked::test::cluster {

using Clock = std::chrono::steady_clock;

// An answer that allowed a key: a verify at an engine, or a check at a gateway.
struct Allowed {
  std::string where;                  // for messages
  std::optional<std::size_t> engine;  // its number; nothing: a gateway
  std::string key_id;
  Clock::time_point asked;
  Clock::duration bound;      // after an acknowledgement elsewhere no later question may be answered so
  engine::Position as_of{};   // which the engine says that it has; zero: not in the answer
  bool is_of_leader = false;  // the engine said that it led, before it answered and afterwards
};

struct History {
  std::vector<Change> changes;  // every revocation of the clients, and each creation that was answered
  std::vector<Allowed> allowed{};
};

// Thread-safe.
class Recorder {
 public:
  void add(const Change& change);
  void add(Allowed one);
  History history() const;
  // The acknowledged revocations so far.
  const Acknowledgements& acknowledgements() const { return acknowledgements_; }

 private:
  Acknowledgements acknowledgements_;
  mutable std::mutex mutex_;  // guards what follows
  History history_;
};

// A row of revoked.journal: its columns, and what its batch says.
struct JournalRow {
  struct Event {
    engine::EventType type{};
    std::string key_id{};
  };
  engine::Sequence first = 0;
  engine::Sequence last = 0;
  engine::Epoch epoch = 0;
  std::vector<Event> events{};  // from `first` on
};
// In their order. Throws if a batch cannot be read, or is not of its row.
std::vector<JournalRow> read_journal(const PostgresServer& server);

// What is wrong, one line each, at most `max_violations`; empty: nothing.
//
//   - Positions are gapless over the rows, and epochs do not go back. An epoch begins with its fence.
//   - An acknowledged change is in the journal once, at the position answered; no change is there twice, and
//     no revocation that nobody asked for. One whose outcome is unknown may be there or not.
//   - What was asked for after another change was acknowledged has a higher position: so at most one engine
//     acknowledges at a time, and none of an epoch after one of a later epoch has.
//   - Nothing that was asked after a revocation was acknowledged is allowed at the engine that acknowledged
//     it, nor at one that leads; nor anywhere after the bound; nor by an engine which says that it has that
//     position.
inline constexpr std::size_t max_violations = 20;
std::vector<std::string> violations(const History& history, const std::vector<JournalRow>& journal);

// The longest time in which none of the revocations was acknowledged, of that which has a part in the time
// from `begin` to `end`.
Clock::duration longest_silence(const std::vector<Acknowledged>& revocations, Clock::time_point begin,
                                Clock::time_point end);

}  // namespace revoked::test::cluster
