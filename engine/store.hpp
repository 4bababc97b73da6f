#pragma once
// Where the journal and the keys' records lie. One writer (the journal's thread) and one folder at a time;
// reads from any thread. Any error from a write means "unknown" and is final: the caller stops.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/audit.hpp"
#include "engine/digest.hpp"
#include "engine/error.hpp"
#include "engine/event.hpp"

namespace revoked::engine {

// Every key that has all of these owners (by Scope; empty: any) and is as old as that is revoked.
struct OwnerMark {
  std::array<std::string, 3> owners;
  Sequence sequence;
};

struct EpochStart {
  Epoch epoch;
  Sequence first;
  std::string journal;  // its journal id
};

struct FoldedRevocation {
  std::string key_id;
  Sequence sequence;
};

class Store {
 public:
  virtual ~Store() = default;

  // Writes the batch, the records of the keys that it creates, the marks of the owners that it revokes, the
  // other changes of keys and the epoch that it starts, all or nothing, and returns once that is synced to
  // disk.
  virtual result<void> commit(const BatchView& batch) = 0;

  // The last sequence committed; 0 if there is none.
  virtual result<Sequence> last_sequence() const = 0;
  // Every epoch so far, in order.
  virtual result<std::vector<EpochStart>> epochs() const = 0;

  // Visits the batches that have events at or after `from`, in order, until one has been refused (false).
  virtual result<void> replay(Sequence from, const std::function<bool(const BatchView&)>& visit) const = 0;

  // Visits every key: the sequence and the event that created it, and the sequence that revoked it as far as
  // that has been folded in, else 0.
  using KeyVisitor = std::function<void(Sequence created, const EventView& creation, Sequence revoked)>;
  virtual result<void> load_keys(const KeyVisitor& visit) const = 0;
  // For the progress of a long load: a rough count.
  virtual std::uint64_t estimated_keys() const = 0;
  // Visits every revocation of an owner. Those of one owner come in order.
  virtual result<void> load_owner_marks(const std::function<void(const OwnerMark&)>& visit) const = 0;

  // Visits, in order, every other change: keys suspended, resumed, rotated, edited, owners locked, unlocked.
  // They are few.
  virtual result<void> load_changes(const EventVisitor& visit) const = 0;

  // Visits the keys whose id is greater than `after`, in order, until `visit` answers false.
  using KeyScanner = std::function<bool(Sequence created, const EventView& creation)>;
  virtual result<void> scan_keys(std::string_view after, const KeyScanner& visit) const = 0;

  // The event that created a key, encoded (see event.hpp), and its sequence.
  virtual result<std::optional<std::pair<Sequence, std::string>>> fetch_key(
      std::string_view key_id) const = 0;
  // What edits have last set of a key's record: visits each member and its value, as in the events.
  using EditVisitor = std::function<void(Field member, std::string_view value)>;
  virtual result<void> fetch_edits(std::string_view key_id, const EditVisitor& visit) const = 0;
  // The sequence of the first revocation of just these owners at or after `from`; 0 if there is none.
  virtual result<Sequence> owner_mark_after(const OwnerIds& owners, Sequence from) const = 0;

  // Folding: revocations up to this sequence are in the keys' records, and need not be replayed.
  virtual Sequence folded_to() const = 0;
  virtual result<void> fold(const std::vector<FoldedRevocation>& revocations, Sequence folded_to) = 0;

  // Lets go of what of the log has become needless. Takes a while; from the folder.
  virtual result<void> release_log() { return {}; }

  // Which checkpoint (see checkpoint.hpp) is of this store: its id, or nothing. Synced.
  virtual result<std::string> checkpoint_id() const = 0;
  virtual result<void> set_checkpoint_id(std::string_view id) = 0;

  // Marks of events up to `folded_to`: written before that rises. Doing it again changes nothing.
  virtual result<void> add_audit_marks(const std::vector<AuditMark>& marks) = 0;
  // Visits, in order, the sequences at or after `from` that are marked, until `visit` answers false.
  virtual result<void> scan_audit_marks(AuditKind kind, std::string_view id, Sequence from,
                                        const std::function<bool(Sequence)>& visit) const = 0;
};

// RocksDB in `directory`, made if it is not there. errc::storage_in_use if another process has it; the text
// of other failures goes to `detail`.
result<std::unique_ptr<Store>> open_rocksdb_store(const std::string& directory, std::string& detail);

}  // namespace revoked::engine
