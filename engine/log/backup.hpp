#pragma once
// A copy of a journal as of the start of the copying, as a tar archive: unpacked into an empty data directory
// (as `log/...`), an engine starts on it. It is produced in pieces, so it is never in memory as a whole, and
// the journal accepts events meanwhile.
//
// Everything in it is checked: sums, and the chain from the first block to the last. Damage ends the copy
// with an error. A truncated archive is not accepted as a complete one: it begins with how far the journal
// was confirmed.

#include <memory>
#include <string>

#include "engine/base/error.hpp"
#include "engine/model/position.hpp"

namespace revoked::engine {

// Not thread-safe. Uses a few descriptors, and memory for one piece and the largest batch, or 1 MiB. May
// outlive the log.
class Backup {
 public:
  static constexpr std::size_t piece_bytes = 64 << 10;

  virtual ~Backup() = default;
  // The last event in it; all events up to it are included.
  virtual Sequence last() const = 0;
  // Sets the next piece, at most piece_bytes; empty: the end. Reads the disk. After an error
  // (errc::storage_failed, storage_corrupt) it must not be called again.
  virtual result<void> next(std::string& piece) = 0;
  // The text of the error: the file, the position, the system's reason.
  virtual std::string failure() const = 0;
};

}  // namespace revoked::engine
