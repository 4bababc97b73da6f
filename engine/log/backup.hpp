#pragma once
// A copy of a journal as it was when the copying began, as the bytes of a tar archive: unpacked into an empty
// data directory (as `log/...`) an engine starts on it. It comes in pieces, so that nobody holds all of it,
// and the journal goes on meanwhile.
//
// Everything in it has been checked: sums, and the chain from the first block to the last. What is damaged
// ends it. What is there of an archive that was cut passes for no whole one: how far the journal had been
// confirmed comes first in it.

#include <memory>
#include <string>

#include "engine/base/error.hpp"
#include "engine/model/position.hpp"

namespace revoked::engine {

// On one thread at a time. Holds a few descriptors, and in memory a piece and the largest batch, or 1 MiB.
// May outlive the log.
class Backup {
 public:
  static constexpr std::size_t piece_bytes = 64 << 10;

  virtual ~Backup() = default;
  // The last event that is in it: all up to it are, and none behind.
  virtual Sequence last() const = 0;
  // Sets the next piece, of piece_bytes at most; empty: there is no more. Reads the disk. After an error
  // (errc::storage_failed, storage_corrupt) it is of no use any more.
  virtual result<void> next(std::string& piece) = 0;
  // The text of the error: the file, the place, the system's reason.
  virtual std::string failure() const = 0;
};

}  // namespace revoked::engine
