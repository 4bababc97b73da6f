#pragma once
// The log, and its index.

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
  // The index includes everything up to here, and follows the log soon.
  virtual Sequence indexed_to() const = 0;
  // Visits, in order, the indexed sequences at or after `from`, until `visit` returns false. errc::overloaded
  // while there is no index.
  virtual result<void> scan_index(IndexKind kind, std::string_view id, Sequence from,
                                  const std::function<bool(Sequence)>& visit) const = 0;
  // Waits until the index includes all that is committed now; errc::overloaded if that takes too long.
  virtual result<void> wait_for_index() const = 0;
  // A copy of everything that is durable now. Reads the disk.
  virtual result<std::unique_ptr<Backup>> back_up() const = 0;
};

// A log and an index in `directory`, created if missing. `report` is called, on any thread, with background
// failures (of the index, or of packing a segment) and their reasons. errc::storage_in_use if another process
// has locked them; `detail` gets the text of a failure.
result<std::unique_ptr<Store>> open_store(
    const std::string& directory, std::function<void(std::string_view what, std::string_view why)> report,
    std::string& detail, Synced synced = Synced::each_append);

}  // namespace revoked::engine
