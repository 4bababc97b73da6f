#pragma once
// Where the journal lies, and what is found in it by. One writer (the journal's thread); reads from any
// thread. Any error from a commit means "unknown" and is final: the caller stops.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/index/index.hpp"
#include "engine/model/event.hpp"

namespace revoked::engine {

class Store {
 public:
  virtual ~Store() = default;

  // Returns once the batch is synced to disk.
  virtual result<void> commit(const BatchView& batch) = 0;

  // The last sequence committed; 0 if there is none.
  virtual Sequence last_sequence() const = 0;
  // Visits the batches that have events at or after `from`, in order, until one has been refused (false).
  virtual result<void> replay(Sequence from, const std::function<bool(const BatchView&)>& visit) const = 0;

  // The index knows everything up to here; it follows soon.
  virtual Sequence indexed_to() const = 0;
  // Visits, in order, the sequences at or after `from` that are indexed, until `visit` answers false.
  // errc::overloaded while there is no index.
  virtual result<void> scan_index(IndexKind kind, std::string_view id, Sequence from,
                                  const std::function<bool(Sequence)>& visit) const = 0;
  // Returns once the index knows all that has been committed by now; errc::overloaded if that takes too long.
  virtual result<void> wait_for_index() const = 0;

  // What made the log fail: the file, the place, the system's reason. Empty: nothing has.
  virtual std::string failure() const = 0;
};

// Visits the events with these sequences, which come in order. errc::storage_corrupt if one is not there.
result<void> read_events(const Store& store, std::span<const Sequence> sequences, const EventVisitor& visit);

// Whether the journal has that epoch.
result<bool> has_epoch(const Store& store, const EpochStart& epoch);

// A log and an index in `directory`, made if they are not there. `tell` hears of what goes on without an
// answer: that the index failed, and why; on any thread. errc::storage_in_use if another process has them;
// the text of a failure goes to `detail`.
result<std::unique_ptr<Store>> open_store(const std::string& directory,
                                          std::function<void(std::string_view)> tell, std::string& detail);

}  // namespace revoked::engine
