#pragma once
// Moves the journal of one engine into PostgreSQL, where several share it: the same batches in the same
// order, so that positions, ids and the audit trail stay, and the files go on as a copy of the rows.
//
// Nothing is deleted. While it goes on the row of the leader is held (PostgresLog::moving): no engine leads
// with a part of the journal. A move that was interrupted is repeated, and goes on where it stopped: what is
// there must be the same, which the chain shows.

#include <cstdint>
#include <functional>
#include <string>

#include "engine/base/error.hpp"
#include "engine/log/local_log.hpp"
#include "engine/log/postgres_log.hpp"
#include "engine/model/position.hpp"

namespace revoked::engine {

struct JournalMove {
  Position last;                  // of the journal, or as far as it has been moved
  std::uint64_t rows_before = 0;  // moved by an earlier call
  std::uint64_t rows = 0;         // moved by this one
  std::uint64_t bytes = 0;        // of those
};

// Called about every megabyte.
using MoveListener = std::function<void(const JournalMove&)>;

// `from` is not written to meanwhile; `to` has Options::moves. Blocks; one thread. Errors: refused (the
// shared journal is of others), storage_corrupt or storage_failed (of the files), otherwise those of the
// connection, after which a repeated call goes on. `detail` gets the text of a failure.
result<JournalMove> move_journal(const LocalLog& from, PostgresLog& to, const MoveListener& listener,
                                 std::string& detail);

}  // namespace revoked::engine
