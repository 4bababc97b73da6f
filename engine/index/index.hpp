#pragma once
// An index of the journal: (kind, id) → sequences. It is derived from the log and may be deleted. Entries are
// added and flushed by one thread at a time; everything else from any thread.
//
// What the tables contain is not indexed: the creation of a key, and its own revocation. Of a key that left
// them, both are recorded in the event with which it left.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/model/event.hpp"

namespace revoked::engine {

enum class IndexKind : char {
  actor = 'a',             // actions of an actor; coarse
  denied_use = 'd',        // uses of a key while it was denied
  edit = 'e',              // edits of a key's record
  forgotten = 'f',         // keys_forgotten events by key id; with an empty id, all of them
  forgotten_secret = 's',  // the same by the head of a digest
  key = 'k',               // other events of a key
  reply = 'r',             // answers kept under a name
  owners = 'o',            // revocations of a combination of owners: index_id()
  user = 'u',              // events of a user; coarse
};

// An entry of a coarse kind means that there are such events between it and the end of its batch, possibly
// with events of other ids.
constexpr bool is_coarse(IndexKind kind) { return kind == IndexKind::actor || kind == IndexKind::user; }

// These kinds store a hash of the id: a scan may return entries of other ids.
constexpr bool is_hashed(IndexKind kind) {
  return is_coarse(kind) || kind == IndexKind::forgotten || kind == IndexKind::forgotten_secret;
}

struct IndexEntry {
  IndexKind kind;
  std::string_view id;
  Sequence sequence;
};

// The id of a combination of owners, by Scope.
std::string index_id(const OwnerIds& owners);

// The entries of batches. The ids are views of the batches.
class IndexEntries {
 public:
  // False if the batch is invalid.
  bool append(const BatchView& batch);
  void clear();
  const std::vector<IndexEntry>& all() const { return all_; }

 private:
  void append(Sequence sequence, const EventView& event);
  bool append_forgotten(Sequence sequence, const EventView& event);
  void append_coarse(IndexKind kind, std::string_view id, Sequence sequence, std::string_view& latest);

  std::vector<IndexEntry> all_;
  std::deque<std::string> ids_;                  // of combinations of owners
  std::string_view latest_actor_, latest_user_;  // of the batch
};

// How far an index goes, and in which log.
struct Indexed {
  Sequence through = 0;  // everything up to here; 0: nothing
  EpochStart epoch;      // the last epoch in it
};

class Index {
 public:
  virtual ~Index() = default;

  virtual Indexed indexed() const = 0;
  // Atomic and idempotent. May be lost with the process, together with all later ones; they are read from the
  // log again.
  virtual result<void> add(const IndexEntries& entries, const Indexed& now) = 0;
  // Visits, in order, the sequences at or after `from`, until `visit` returns false. In a coarse kind some
  // may be of other ids.
  virtual result<void> scan(IndexKind kind, std::string_view id, Sequence from,
                            const std::function<bool(Sequence)>& visit) const = 0;
  // What was added is on disk when it returns.
  virtual result<void> flush() = 0;
  // The text of the last failure.
  virtual std::string failure() const = 0;
};

// RocksDB in `directory`, which is created if missing, and emptied if it is damaged or of another version.
// `detail` gets the text of a failure. Memory: up to 24 MiB of entries, about a million, and those of one
// call, twice that while they are sorted, and a cache of 16 MiB; a scan keeps the entries that it started
// with.
result<std::unique_ptr<Index>> open_index(const std::string& directory, std::string& detail);

}  // namespace revoked::engine
