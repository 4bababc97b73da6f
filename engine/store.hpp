#pragma once
// The log, and the index by which things are found in it.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/index/index.hpp"
#include "engine/log/backup.hpp"
#include "engine/log/log.hpp"
#include "engine/model/event.hpp"

namespace revoked::engine {

class Store : public Log {
 public:
  // The index knows everything up to here; it follows soon.
  virtual Sequence indexed_to() const = 0;
  // Visits, in order, the sequences at or after `from` that are indexed, until `visit` answers false.
  // errc::overloaded while there is no index.
  virtual result<void> scan_index(IndexKind kind, std::string_view id, Sequence from,
                                  const std::function<bool(Sequence)>& visit) const = 0;
  // Returns once the index knows all that has been committed by now; errc::overloaded if that takes too long.
  virtual result<void> wait_for_index() const = 0;
  // Of everything that is durable by now. Reads the disk.
  virtual result<std::unique_ptr<Backup>> back_up() const = 0;
};

// A log and an index in `directory`, made if they are not there. `tell` hears of what goes on without an
// answer: that the index failed, or a segment of the log could not be packed, and why; on any thread.
// errc::storage_in_use if another process has them; the text of a failure goes to `detail`.
result<std::unique_ptr<Store>> open_store(
    const std::string& directory, std::function<void(std::string_view what, std::string_view why)> tell,
    std::string& detail);

}  // namespace revoked::engine
