#pragma once
// Where to find what in the journal: (kind, id) → sequences. It is derived from the log, and may be deleted.
// Entries are added and flushed by one thread at a time; everything else from any thread.
//
// What the tables know has no entries: a key's creation, and its own revocation. What is known of a key that
// has left them lies where it did.

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
  actor = 'a',             // what somebody did; coarse
  edit = 'e',              // edits of a key's record
  forgotten = 'f',         // by its id, where a key left the tables; of no id, all such events
  forgotten_secret = 's',  // the same by the head of a digest
  key = 'k',               // what else concerns a key
  owners = 'o',            // revocations of these owners together: index_id()
  user = 'u',              // what concerns a user; coarse
};

// An entry of a coarse kind says that from there to the end of its batch there are such events, and maybe
// others of other ids.
constexpr bool is_coarse(IndexKind kind) { return kind == IndexKind::actor || kind == IndexKind::user; }

// Of these a hash stands for the id: what a scan finds may be of another.
constexpr bool is_hashed(IndexKind kind) {
  return is_coarse(kind) || kind == IndexKind::forgotten || kind == IndexKind::forgotten_secret;
}

struct IndexEntry {
  IndexKind kind;
  std::string_view id;
  Sequence sequence;
};

// Of owners together, by Scope.
std::string index_id(const OwnerIds& owners);

// What batches are to be found by. The ids are theirs: good while they are.
class IndexEntries {
 public:
  // False if it is not whole.
  bool append(const BatchView& batch);
  void clear();
  const std::vector<IndexEntry>& all() const { return all_; }

 private:
  void append(Sequence sequence, const EventView& event);
  bool append_forgotten(Sequence sequence, const EventView& event);
  void append_coarse(IndexKind kind, std::string_view id, Sequence sequence, std::string_view& latest);

  std::vector<IndexEntry> all_;
  std::deque<std::string> ids_;                  // of owners
  std::string_view latest_actor_, latest_user_;  // of the batch
};

// How much of which log an index knows.
struct Indexed {
  Sequence through = 0;  // everything up to here; 0: nothing
  EpochStart epoch;      // the last one in it
};

class Index {
 public:
  virtual ~Index() = default;

  virtual Indexed indexed() const = 0;
  // All or nothing. Adding one again changes nothing. It may be lost with the process, together with
  // everything behind it, and is found again in the log.
  virtual result<void> add(const IndexEntries& entries, const Indexed& now) = 0;
  // Visits, in order, the sequences at or after `from`, until `visit` answers false. In a coarse kind some
  // may be of other ids.
  virtual result<void> scan(IndexKind kind, std::string_view id, Sequence from,
                            const std::function<bool(Sequence)>& visit) const = 0;
  // What has been added is on the disk when it returns.
  virtual result<void> flush() = 0;
  // The text of the last failure.
  virtual std::string failure() const = 0;
};

// RocksDB in `directory`, made if it is not there, and emptied if it has been damaged or is of another
// version. The text of a failure goes to `detail`. Up to 24 MiB of entries, about a million, and those of one
// call are in memory, twice that while they are sorted, besides a cache of 16 MiB; a scan holds on to those
// that it began with.
result<std::unique_ptr<Index>> open_index(const std::string& directory, std::string& detail);

}  // namespace revoked::engine
