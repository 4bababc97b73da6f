#pragma once
// The engine: every verb over keys, without sockets. All calls are thread-safe and none waits for the disk,
// except where said so.
//
// A change is in memory and on its way to the journal when the call returns; it is *acknowledged* only once
// its sequence is durable (durable() or a CommitListener). Until start() has returned, every call answers
// errc::not_ready.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/base/read_section.hpp"
#include "engine/checkpointer.hpp"
#include "engine/edits.hpp"
#include "engine/journal/journal.hpp"
#include "engine/model/audit.hpp"
#include "engine/model/decision.hpp"
#include "engine/model/fair_meter.hpp"
#include "engine/model/forgotten_key.hpp"
#include "engine/model/policy.hpp"
#include "engine/model/secret.hpp"
#include "engine/recalled.hpp"
#include "engine/recovery.hpp"
#include "engine/resumptions.hpp"
#include "engine/store.hpp"
#include "engine/tables/tables.hpp"

namespace revoked::engine {

inline constexpr std::size_t max_reason_size = 256;
inline constexpr std::size_t max_name_size = 256;
inline constexpr std::size_t max_permissions_size = 2048;
inline constexpr std::size_t max_metadata_size = 4096;
inline constexpr std::size_t max_caller_size = 256;  // of each of a Caller's texts; the rest is cut off

// Who asks: for the audit trail (never a secret), and what they can touch. Keys out of reach are
// errc::not_found.
struct Caller {
  std::string_view actor;
  std::string_view address;
  std::string_view request_id;
  const Reach* reach = nullptr;  // null: everything
  ActorKind actor_kind = ActorKind::unknown;
  const Principal* principal = nullptr;  // what they hold; null: everything within reach
  Recalled* recalled = nullptr;          // null: errc::not_recalled where it would be needed
};

void set_caller(EventView& event, const Caller& caller);
// A change of a key, by its caller.
EventView key_event(EventType type, UnixMs at, std::string_view reason, const Caller& caller);
void set_key(EventView& event, const Decision& names);

struct NewKey {
  std::string_view key_id;  // empty: we issue one
  Digest digest{};          // of its secret
  OwnerIds owners;          // by Scope; empty: none
  std::string_view name;
  std::string_view permissions;  // separated by one space
  std::string_view metadata;     // a JSON object, or empty
  UnixMs expires_at = 0;         // 0: never
  // Of a key that comes from elsewhere.
  KeyState state = KeyState::active;  // or suspended, or revoked
  std::string_view reason;            // of that
  UnixMs created_at = 0;              // 0: now
  bool has_issued_secret = false;     // that we made: no key can have had it
};

// What became of keys that came together, each by its place.
struct CreatedMany {
  Sequence last = 0;                              // to be durable before the answer; 0: none was created
  std::vector<boost::system::error_code> errors;  // why it was not created; none: it was
  std::vector<std::string> issued_ids;            // empty: it brought its own
};

struct CreatedKey {
  std::string key_id;
  UnixMs at;
  Sequence sequence;
};

struct RevokedKey {
  Sequence sequence;  // to be durable before the answer
  UnixMs at;          // of this revocation; if `already`, see Engine::describe once `sequence` is durable
  bool already;
};

// One of many revocations that come together.
struct AskedRevocation {
  std::string_view key_id;  // empty: by the digest
  Digest digest{};
  std::string_view reason;
};

// What became of them, each by its place.
struct RevokedMany {
  enum class Outcome : std::uint8_t { revoked, already_revoked, not_found, invalid };
  Sequence last = 0;  // to be durable before the answer; 0: nothing
  std::vector<Outcome> outcomes;
};

struct RevokedOwner {
  std::uint64_t keys;  // that this revoked
  UnixMs at;
  Sequence sequence;
};

struct ChangedKey {
  Sequence sequence;  // to be durable before the answer
  UnixMs at;
};

struct ChangedLock {
  Sequence sequence;  // to be durable before the answer
  UnixMs at;
  UnixMs until;  // when what stands now ends; 0: when it is unlocked
};

// The states that a list may be of. Nothing: `text` is none of them.
std::optional<KeyState> listed_state_of(std::string_view text);

// What is not there stays as it is.
struct KeyEdit {
  std::optional<std::string_view> name;  // empty: none any more, as with the others
  std::optional<UnixMs> expires_at;      // 0: never
  std::optional<std::string_view> permissions;
  std::optional<std::string_view> metadata;
};

struct RotatedKey {
  Sequence sequence;  // to be durable before the answer
  UnixMs old_ends_at;
};

// Which keys to list: a user's in the order of their creation; others nearly so, and then those that have
// left the tables. A key that leaves them meanwhile may come twice.
struct KeyQuery {
  std::string after;                  // KeyPage::last of the page before; empty: from the first
  std::array<std::string, 3> owners;  // by Scope; empty: any
  std::optional<KeyState> state;      // none: any
  std::size_t limit = 100;
  const Reach* reach = nullptr;  // null: everything
};

struct KeyPage {
  std::vector<KeyDescription> keys;  // without their revocations' details
  std::string last;                  // what was looked at last
  bool more = false;                 // there may be more after `last`
};

class Engine {
 public:
  struct Options {
    std::string pepper;
    std::string key_prefix{default_key_prefix};
    std::string checkpoint_file{};        // see checkpoint.hpp; empty: none is made or read
    Sequence checkpoint_after = 500'000;  // a new one after so many events, or a sixteenth of the keys
    // Keys leave the tables so long after they have been revoked, or have expired (a second or a
    // sixty-fourth later). 0: never.
    std::chrono::milliseconds forget_after{0};
  };

  Engine(Options options, std::function<void()> on_storage_failure);
  ~Engine();  // stops

  // Loads everything and begins a new epoch. The listener hears all batches, the one that begins the epoch
  // first.
  result<void> start(std::unique_ptr<Store> store, JournalListener& listener,
                     const ProgressListener& on_progress);
  // Commits what has gathered; accepts nothing more. Makes a checkpoint if one is due: seconds, with millions
  // of keys.
  void stop();

  bool is_ready() const;  // started, not stopped, storage sound
  bool has_failed() const { return started() && journal_->has_failed(); }
  // Why, or why it did not start: the file, the place, the system's reason.
  std::string storage_failure() const;

  // Reads what a verb has asked for (recalled.hpp), after which the verb is asked again. Waits for the disk.
  // Keys that have left the tables are in lists, in the trail and in describe(); their secrets are unknown;
  // to change one is errc::already_revoked or not_active, but to revoke it; and nothing is created with its
  // id or its secrets.
  result<void> recall(Recalled& recalled) const;

  const Digester& digester() const { return digester_; }
  const std::string& key_prefix() const { return options_.key_prefix; }

  result<CreatedKey> create(const NewKey& key, const Caller& caller);
  // As create() for each, in order and in one turn: at most max_creations_together. After an error of its own
  // nothing was done, and the same may be asked again.
  static constexpr std::size_t max_creations_together = 250;
  result<CreatedMany> create_many(std::span<const NewKey> asked, const Caller& caller);
  result<RevokedKey> revoke(std::string_view key_id, std::string_view reason, const Caller& caller);
  result<RevokedKey> revoke(const Digest& digest, std::string_view reason, const Caller& caller);
  // One event, however many keys that are. A caller who is limited in other scopes revokes the keys within
  // those limits, with an event for each combination of the owners that it is limited to, in one turn:
  // errc::invalid_field if those are too many (policy.hpp).
  result<RevokedOwner> revoke_owner(Scope scope, std::string_view id, std::string_view reason,
                                    const Caller& caller);

  // As revoke() for each, in order and in one turn: at most max_revocations_together. After an error nothing
  // was done, and the same may be asked again. A dry run only tells what would be.
  static constexpr std::size_t max_revocations_together = 500;
  result<RevokedMany> revoke_many(std::span<const AskedRevocation> asked, bool dry_run, const Caller& caller);
  // How many keys revoke_owner() would revoke.
  result<std::uint64_t> count_revocable(Scope scope, std::string_view id, const Caller& caller);

  // Doing it again changes nothing and succeeds. errc::already_revoked if the key is. What was suspended
  // stays so until a caller as wide as the widest who suspended it resumes it.
  result<ChangedKey> suspend(std::string_view key_id, std::string_view reason, const Caller& caller);
  result<ChangedKey> resume(std::string_view key_id, std::string_view reason, const Caller& caller);
  // What takes away counts at once, what gives once it is durable. errc::already_revoked; an expired key may
  // be given a later end. Setting permissions and expiry to what they are changes nothing and succeeds.
  result<ChangedKey> edit(std::string_view key_id, const KeyEdit& edit, const Caller& caller);
  // A new secret; the one before lives on for `grace_ms`, and no longer than the key; older ones end at once.
  // errc::not_active if the key is suspended or expired, errc::overloaded while an edit of it waits for the
  // disk. These, and creating, ask policy.hpp whether the caller holds what the key does.
  result<RotatedKey> rotate(std::string_view key_id, const Digest& digest, UnixMs grace_ms,
                            const Caller& caller);

  // Every key of the owner is locked, those created later as well, until it is unlocked or `until` (0: no
  // such end). One event (but see revoke_owner). Doing it again changes nothing, except that the later end
  // stays, and who is the wider. errc::out_of_reach if the caller can have no keys of it; too_many_locks: see
  // Tables.
  result<ChangedLock> lock_owner(Scope scope, std::string_view id, UnixMs until, std::string_view reason,
                                 const Caller& caller);
  // Lifts the owner's locks within what the caller is limited to, and within more. All of them, or none if a
  // wider caller has locked some of those keys: errc::locked_by_wider.
  result<ChangedLock> unlock_owner(Scope scope, std::string_view id, std::string_view reason,
                                   const Caller& caller);

  // Never waits for anything. A key whose creation is not durable yet is unknown (P2). One that is locked
  // while the event that unlocks it is on its way to the disk is so up to just before that event: `as_of`
  // says no more, so that nobody who has heard of the event keeps the answer.
  result<void> verify(const Digest& digest, UnixMs now, Decision& decision) const;
  // The whole record; a new secret that waits for the disk is not there yet. May read the disk; not for a key
  // that is out of reach (null: none is), which looks, and takes as long, as if it were not there.
  result<KeyDescription> describe(std::string_view key_id, UnixMs now, const Reach* reach = nullptr) const;
  // Looks at no more than so many keys and answers a shorter page rather. Reads the disk.
  static constexpr std::size_t max_listing_look_at = 50'000;
  result<KeyPage> list(const KeyQuery& query, UnixMs now) const;
  result<std::string> key_id_of(const Digest& digest, const Caller& caller) const;
  // Of a secret as it was reported (secret.hpp): of the first reading that a key has, else of the last one.
  // Nothing: it cannot be a secret.
  std::optional<Digest> digest_of_reported(std::string_view text) const;

  // Visits the durable entries that match, oldest first; of a key also the revocation of an owner that took
  // it along. Looks at about so many events at most, and ends earlier rather: milliseconds. Reads the disk.
  static constexpr std::size_t max_audit_look_at = 100'000;
  result<AuditPage> audit(const AuditQuery& query, const EventVisitor& visit) const;
  // Puts an attempt that was refused into the trail, at a bounded rate for each caller, and for all strangers
  // (no actor) together. `what` is of our own making; `key_id` may be anything. The journal is kept for good:
  // what strangers can put into it is one entry a minute.
  static constexpr FairMeter::Rates refusal_rates{{32, 10'000}, {256, 1'000}, {1, 60'000}};
  void record_refusal(std::string_view what, std::string_view key_id, const Caller& caller);
  // The same for how many of the strangers' were left out and not told of yet. To be called now and then.
  void record_counted_refusals();

  Epoch epoch() const { return journal_->epoch(); }
  Sequence durable() const { return journal_->durable(); }
  Sequence applied() const { return journal_->applied(); }
  Position position_of(Sequence sequence) const;  // in whichever epoch it happened
  // Whether a reader that stands at `position` can go on from there: it was reached, and in this very epoch.
  // With a journal id: in the epoch of that id.
  bool can_continue(Position position, Sequence told, std::string_view journal = {}) const;

  // Of this epoch, and of any that this journal has had (empty: of none). They stay as they are.
  std::string_view journal_id() const { return epochs_.back().journal; }
  std::string_view journal_id_of(Epoch epoch) const;

  // Durable batches with events after `after`, in order, until `visit` answers false. Reads the disk.
  result<void> read_journal(Sequence after, const std::function<bool(const BatchView&)>& visit) const;

  // A copy of the journal with all that is durable by now, and perhaps a little more. Reads the disk.
  result<std::unique_ptr<Backup>> back_up() const;

  // Best before start(). Listeners stay until stop() has returned.
  void add(CommitListener& listener) {
    commit_listeners_.push_back(&listener);
    if (journal_) journal_->add(listener);
  }

  struct Size {
    std::size_t keys;
    std::array<std::size_t, 3> owners;
  };
  Size size() const;

 private:
  class AuditReading;
  class DeathWatch;
  bool started() const { return started_.load(std::memory_order_acquire); }
  result<Sequence> append_creation(Journal::Turn& turn, const NewKey& key, UnixMs at, const Caller& caller);
  Sequence append_state(Journal::Turn& turn, const NewKey& key, const EventView& creation,
                        const Caller& caller);
  RevokedOwner revoke_whole(Journal::Turn& turn, Scope scope, Slot owner, const EventView& event);
  std::optional<Sequence> lock_within(Journal::Turn& turn, const OwnerIds& owners, EventView& event,
                                      UnixMs& until, Width by);
  result<void> find_locks(Scope scope, const OwnerIds& owners, UnixMs now, const Reach* reach,
                          std::vector<Slot>& locks) const;
  RevokedOwner revoke_within(Journal::Turn& turn, std::span<const OwnerIds> several, EventView event);
  void find_within(std::span<const AskedRevocation> asked, const Caller& caller,
                   std::vector<Slot>& slots) const;
  bool is_within(Slot key, const Caller& caller) const;
  // Before the turn, which so is shorter; its event, appended to `out`, is for append_revocation().
  void encode_revocation(Slot key, UnixMs at, std::string_view reason, const Caller& caller,
                         std::string& out) const;
  Sequence append_revocation(Journal::Turn& turn, Slot key, std::string_view event);
  result<RevokedKey> revoke_slot(Slot slot, std::string_view reason, const Caller& caller);
  result<void> find_changeable(std::string_view key_id, const Caller& caller, Decision& names,
                               EventView& event) const;
  bool may_concern(const AuditQuery& query) const;
  void append_refusal(std::string_view reason, std::string_view key_id, UnixMs at, const Caller& caller);
  void checkpoint_if_due(const std::function<bool()>& go_on);
  void make_checkpoint(const std::function<bool()>& go_on);
  void forget_if_due(const std::function<bool()>& go_on);
  bool forget(std::vector<std::pair<Slot, std::uint64_t>>& dead);
  result<const RecalledKey*> forgotten(Forgotten kind, std::string_view text, const Caller& caller) const;
  result<void> refuse_forgotten(const NewKey& key, const Caller& caller) const;
  result<RevokedKey> revoke_forgotten(Forgotten kind, std::string_view text, std::string_view reason,
                                      const Caller& caller);
  Sequence append_late_revocation(Journal::Turn& turn, const RecalledKey& key, UnixMs at,
                                  std::string_view reason, const Caller& caller);
  result<std::shared_ptr<const RecalledKey>> find_forgotten(Forgotten kind, std::string_view text) const;
  result<std::shared_ptr<const RecalledKey>> recall_id(std::string_view key_id) const;
  result<std::shared_ptr<const RecalledKey>> read_forgotten(const ForgottenKey& remains) const;
  result<void> wait_for_forgotten() const;
  result<void> find_late_revocation(RecalledKey& key) const;
  result<void> set_revocation(RecalledKey& key) const;
  static std::string_view head_of(const Digest& digest);
  bool is_visible(const EventView& event, const Reach* reach) const;
  bool list_slot(const KeyQuery& query, UnixMs now, Slot first, KeyPage& page) const;
  Slot newest_of(Slot key) const;
  result<void> list_tables(const KeyQuery& query, UnixMs now, KeyPage& page) const;
  result<void> list_forgotten(const KeyQuery& query, KeyPage& page) const;
  result<void> list_key(const KeyQuery& query, UnixMs now, Sequence created, const EventView& creation,
                        KeyPage& page) const;
  void set_record(KeyDescription& key, Sequence created, const EventView& creation) const;
  void set_secrets(KeyDescription& key, Slot slot, UnixMs now) const;
  result<void> set_edits(KeyDescription& key) const;
  result<void> add_edits(KeyDescription& key) const;
  result<KeyPage> with_edits(KeyPage page) const;
  std::array<Slot, 2> permission_sets_of(Slot key) const;
  result<void> may_give(const KeyEdit& edit, const std::array<Slot, 2>& sets, const Caller& caller) const;
  result<Sequence> revocation_of(const OwnerIds& owners, Sequence from) const;
  result<Sequence> first_revocation(const KeyRecord& key, const Decision& names) const;
  struct KnownEvents {
    Sequence created = 0;  // these: 0: there is none
    Sequence revoked = 0;  // by an event of its own
    Sequence besides = 0;  // that concerns the key without naming it: the revocation of an owner
  };
  result<KnownEvents> known_events(std::string_view key_id) const;
  result<Sequence> revoked_with_owner(std::string_view key_id) const;
  result<KeyDescription> describe_slot(Slot slot, std::string_view key_id, UnixMs now,
                                       const Reach* reach) const;
  result<KeyDescription> describe_forgotten(std::string_view key_id, const Reach* reach) const;
  result<Revocation> find_revocation(const KeyRecord& key, const Decision& decision) const;

  const Options options_;
  const Digester digester_;
  const std::function<void()> on_storage_failure_;
  std::unique_ptr<Store> store_;
  Tables tables_;
  Edits edits_;
  Resumptions resumptions_;
  FairMeter refusals_{refusal_rates};
  std::vector<EpochStart> epochs_;  // constant once started
  std::string start_failure_;
  std::vector<CommitListener*> commit_listeners_;
  // These are the checkpointer's, once started.
  std::chrono::steady_clock::time_point look_for_dead_at_{};
  Sequence seen_before_look_ = 0;  // durable at the look before
  Sequence checkpointed_ = 0;      // up to where
  std::chrono::steady_clock::time_point no_checkpoint_before_{};
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::atomic<bool> started_{false};
  std::atomic<bool> stopped_{false};
};

}  // namespace revoked::engine
