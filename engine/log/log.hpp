#pragma once
// Permanent storage of the journal: batches of events in order. One writer, the journal's thread; reads from
// any thread. Any error from an append means "unknown" and is final: the caller stops.

#include <functional>
#include <span>
#include <string>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/model/event.hpp"

namespace revoked::engine {

// When what is appended survives a loss of power. Each segment: of a copy, which can be filled again; a crash
// of the process loses nothing.
enum class Synced { each_append, each_segment };

class Log {
 public:
  using Visitor = std::function<bool(const BatchView&)>;  // false: stop
  virtual ~Log() = default;

  // Durable when it returns.
  virtual result<void> append(const BatchView& batch) = 0;
  // The last sequence that is durable; 0 if there is none.
  virtual Sequence last() const = 0;
  // Visits the batches with events at or after `from`, in order. errc::storage_corrupt if one of them, or a
  // block on the way to it, is damaged.
  virtual result<void> read(Sequence from, const Visitor& visit) const = 0;
  // The text of an append's failure, otherwise of the last failure: the file, the position, the system's
  // reason. Empty if there was none.
  virtual std::string failure() const = 0;
};

// Visits the events with these sequences, which are ascending. errc::storage_corrupt if one is missing.
result<void> read_events(const Log& log, std::span<const Sequence> sequences, const EventVisitor& visit);

// The last sequence of an event from `at` or before, provided clocks never went back; 0 if there is none.
result<Sequence> last_before(const Log& log, UnixMs at);

// The SHA-256 of the batch with that event, of which there is one for each history: batches are not changed.
// Of sequence 0: of nothing. errc::storage_corrupt if the log has no such event.
result<Digest> digest_of_batch(const Log& log, Sequence sequence);

// Whether the log has that epoch.
result<bool> has_epoch(const Log& log, const EpochStart& epoch);

}  // namespace revoked::engine
