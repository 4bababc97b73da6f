#pragma once
// The engine: every verb over keys, without sockets. All calls are thread-safe and do not wait for the disk,
// unless stated otherwise.
//
// When a call returns, its change is in memory and queued for the journal; it is *acknowledged* only once its
// sequence is durable (durable() or a CommitListener). Until start() has returned, every call returns
// errc::not_ready.

#include <array>
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
#include "engine/denied_uses.hpp"
#include "engine/edits.hpp"
#include "engine/epochs.hpp"
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
#include "engine/tables/last_uses.hpp"
#include "engine/tables/tables.hpp"
#include "engine/usage_batches.hpp"

namespace revoked::engine {

inline constexpr std::size_t max_reason_size = 256;
inline constexpr std::size_t max_name_size = 256;
inline constexpr std::size_t max_permissions_size = 2048;
inline constexpr std::size_t max_metadata_size = 4096;
inline constexpr std::size_t max_caller_size = 256;  // of each text of a Caller; truncated beyond

// The caller: for the audit trail (never a secret), and its reach. Keys out of reach are errc::not_found.
struct Caller {
  std::string_view actor;
  std::string_view address;
  std::string_view request_id;
  const Reach* reach = nullptr;  // null: unlimited
  ActorKind actor_kind = ActorKind::unknown;
  const Principal* principal = nullptr;  // null: everything within reach
  Recalled* recalled = nullptr;          // null: errc::not_recalled where needed
};

void set_caller(EventView& event, const Caller& caller);
// The event of a change to a key by this caller.
EventView key_event(EventType type, UnixMs at, std::string_view reason, const Caller& caller);
void set_key(EventView& event, const Decision& names);

struct NewKey {
  std::string_view key_id;  // empty: the engine issues one
  Digest digest{};          // of its secret
  OwnerIds owners;          // by Scope; empty: none
  std::string_view name;
  std::string_view permissions;  // separated by one space
  std::string_view metadata;     // a JSON object, or empty
  UnixMs expires_at = 0;         // 0: never
  // Of an imported key.
  KeyState state = KeyState::active;  // or suspended, or revoked
  std::string_view reason;            // for that state
  UnixMs created_at = 0;              // 0: now
  bool has_issued_secret = false;     // new and random: no other key can have it
};

// The results of a creation of many keys, by index.
struct CreatedMany {
  Sequence last = 0;                              // to be durable before the answer; 0: none created
  std::vector<boost::system::error_code> errors;  // why it was not created; success otherwise
  std::vector<std::string> issued_ids;            // empty: the request had an id
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

// One of many revocations in one request.
struct AskedRevocation {
  std::string_view key_id;  // empty: by the digest
  Digest digest{};
  std::string_view reason;
};

// Their results, by index.
struct RevokedMany {
  enum class Outcome : std::uint8_t { revoked, already_revoked, not_found, invalid };
  Sequence last = 0;  // to be durable before the answer; 0: none
  std::vector<Outcome> outcomes;
};

struct RevokedOwner {
  std::uint64_t keys;  // number of keys that this revoked
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
  UnixMs until;  // when the current lock ends; 0: when it is unlocked
};

// The states that a list can be filtered by. Empty: `text` is none of them.
std::optional<KeyState> listed_state_of(std::string_view text);

// Absent members are not changed.
struct KeyEdit {
  std::optional<std::string_view> name;  // empty: removes it, as with the others
  std::optional<UnixMs> expires_at;      // 0: never
  std::optional<std::string_view> permissions;
  std::optional<std::string_view> metadata;
};

struct RotatedKey {
  Sequence sequence;  // to be durable before the answer
  UnixMs old_ends_at;
};

// Which keys to list: those of a user in order of creation; others roughly so, then those that left the
// tables. A key that leaves them meanwhile may be listed twice.
struct KeyQuery {
  std::string after;                  // KeyPage::last of the previous page; empty: from the first
  std::array<std::string, 3> owners;  // by Scope; empty: any
  std::optional<KeyState> state;      // none: any
  // Only keys in the tables whose last use is before this; one that was never used counts as used when the
  // engine got it. Empty before Engine::uses_since(), as nothing is known about then.
  std::optional<UnixMs> used_before;
  std::size_t limit = 100;
  const Reach* reach = nullptr;   // null: unlimited
  Sequence recorded_through = 0;  // set by list(), for used_before: the last event before it
};

struct KeyPage {
  std::vector<KeyDescription> keys;  // without details of revocations
  std::string last;                  // the last position examined
  bool more = false;                 // there may be more after `last`
};

class Engine {
 public:
  struct Options {
    std::string pepper;
    std::string key_prefix{default_key_prefix};
    std::string checkpoint_file{};        // see checkpoint.hpp; empty: no checkpoints
    Sequence checkpoint_after = 500'000;  // a new one after this many events, or a sixteenth of the keys
    // How long after its revocation or expiry a key leaves the tables (a second or a sixty-fourth later). 0:
    // never.
    std::chrono::milliseconds forget_after{0};
    std::string usage_file{};  // see usage_file.hpp; empty: uses are forgotten at the end
  };

  Engine(Options options, std::function<void()> on_storage_failure);
  ~Engine();  // stops

  enum class Role { leader, follower };
  // Loads everything. The leader begins a new epoch; a follower takes no changes (errc::not_leader). The
  // listener gets all batches from then on.
  result<void> start(std::unique_ptr<Store> store, JournalListener& listener,
                     const ProgressListener& on_progress, Role role = Role::leader);
  // Of a follower: the next batch, which is in the store and durable. One thread. errc::storage_corrupt if it
  // does not continue here, or is malformed.
  result<void> follow(const BatchView& batch);
  // Of a follower, once: begins a new epoch, of which nobody hears before that is durable, and takes changes.
  // On the same thread. errc::storage_failed: whether the epoch has begun is unknown.
  result<void> lead();
  bool leads() const { return journal_ && journal_->leads(); }
  // Commits what is pending; accepts nothing more. Makes a checkpoint if one is due, which takes seconds with
  // millions of keys. `once_committed` is called when nothing more will be appended.
  void stop(const std::function<void()>& once_committed = {});

  bool is_ready() const;  // started, not stopped, storage sound
  bool has_failed() const { return started() && journal_->has_failed(); }
  // Why storage failed, or the start: the file, the position, the system's reason.
  std::string storage_failure() const;

  // Reads what a verb requested (recalled.hpp), after which the verb is called again. Waits for the disk.
  // Keys that left the tables are in lists, in the trail and in describe(); their secrets are unknown; they
  // can only be revoked: other changes are errc::already_revoked or not_active; and no key is created with
  // their ids or secrets.
  result<void> recall(Recalled& recalled) const;

  const Digester& digester() const { return digester_; }
  const std::string& key_prefix() const { return options_.key_prefix; }

  result<CreatedKey> create(const NewKey& key, const Caller& caller);
  // As create() for each, in order and in one turn: at most max_creations_together. If the call itself fails,
  // nothing was done, and it can be repeated.
  static constexpr std::size_t max_creations_together = 250;
  result<CreatedMany> create_many(std::span<const NewKey> asked, const Caller& caller);
  result<RevokedKey> revoke(std::string_view key_id, std::string_view reason, const Caller& caller);
  result<RevokedKey> revoke(const Digest& digest, std::string_view reason, const Caller& caller);
  // One event, however many keys. For a caller limited in other scopes it revokes the keys within those
  // limits, with one event per combination of owners, in one turn: errc::invalid_field if there are too many
  // (policy.hpp).
  result<RevokedOwner> revoke_owner(Scope scope, std::string_view id, std::string_view reason,
                                    const Caller& caller);

  // As revoke() for each, in order and in one turn: at most max_revocations_together. If the call itself
  // fails, nothing was done, and it can be repeated. A dry run only returns the outcomes.
  static constexpr std::size_t max_revocations_together = 500;
  result<RevokedMany> revoke_many(std::span<const AskedRevocation> asked, bool dry_run, const Caller& caller);
  // How many keys revoke_owner() would revoke.
  result<std::uint64_t> count_revocable(Scope scope, std::string_view id, const Caller& caller);

  // Idempotent. errc::already_revoked if the key is revoked. A suspension stays until a caller as wide as the
  // widest who suspended the key resumes it.
  result<ChangedKey> suspend(std::string_view key_id, std::string_view reason, const Caller& caller);
  result<ChangedKey> resume(std::string_view key_id, std::string_view reason, const Caller& caller);
  // Restrictions apply at once, grants once durable. errc::already_revoked; an expired key may get a later
  // expiry. Setting the current permissions and expiry changes nothing and succeeds.
  result<ChangedKey> edit(std::string_view key_id, const KeyEdit& edit, const Caller& caller);
  // A new secret; the previous one is valid for `grace_ms`, at most until the key expires; older ones end at
  // once. errc::not_active if the key is suspended or expired, errc::overloaded while an edit of it is not
  // durable. Like creating, this checks whether the caller holds all that the key holds (policy.hpp).
  result<RotatedKey> rotate(std::string_view key_id, const Digest& digest, UnixMs grace_ms,
                            const Caller& caller);

  // Locks all keys of the owner, also those created later, until it is unlocked or `until` (0: no end). One
  // event (but see revoke_owner). Repeating it changes nothing, except that the later end and the wider
  // caller are kept. errc::out_of_reach if the caller can have no keys of the owner; too_many_locks: see
  // Tables.
  result<ChangedLock> lock_owner(Scope scope, std::string_view id, UnixMs until, std::string_view reason,
                                 const Caller& caller);
  // Lifts the owner's locks within the caller's limits, and narrower ones. All of them, or none if a wider
  // caller locked some of those keys: errc::locked_by_wider.
  result<ChangedLock> unlock_owner(Scope scope, std::string_view id, std::string_view reason,
                                   const Caller& caller);

  // Never blocks. A key whose creation is not durable yet is unknown (P2). While an unlocking is not durable,
  // the key is locked, with `as_of` just before that event, so that no reader that knows of the event caches
  // the decision.
  result<void> verify(const Digest& digest, UnixMs now, Decision& decision) const;
  // The same for a caller of `reach` (null: unlimited): a key outside it is unknown. Records the use of an
  // active key.
  result<void> verify_use(const Digest& digest, UnixMs now, const Reach* reach, Decision& decision) const;
  // The whole record, without a new secret that is not durable yet. May read the disk; not for a key out of
  // reach (null: unlimited), which takes as long as an unknown one.
  result<KeyDescription> describe(std::string_view key_id, UnixMs now, const Reach* reach = nullptr) const;
  // Examines at most this many keys and may return a short page. Reads the disk.
  static constexpr std::size_t max_listing_look_at = 50'000;
  result<KeyPage> list(KeyQuery query, UnixMs now) const;
  result<std::string> key_id_of(const Digest& digest, const Caller& caller) const;

  // A scan of the tables for keys by their expiry, which is no event: those that expire at or after `from`
  // and at or before `through` of a range, suspended and locked ones too, but none that is revoked or whose
  // newest secret is not durable. In no order, a piece at a time, milliseconds each; a key that is rotated
  // meanwhile may be missed.
  struct ExpiryRange {
    UnixMs from = 0;  // at least 1
    UnixMs through = 0;
  };
  struct ExpiryScan {
    std::vector<ExpiryRange> ranges;
    Slot next = 0;  // the record to continue at
  };
  using ExpiryVisitor = std::function<void(std::size_t range, UnixMs expires_at, std::string_view key_id)>;
  static constexpr Slot max_expiry_look_at = 100'000;
  // Visits those of the next piece. The visitor may narrow the ranges. False: that was the last.
  bool scan_expiries(ExpiryScan& scan, const ExpiryVisitor& visit) const;
  // For a secret as reported (secret.hpp): the digest of the first reading that is a key's, otherwise of the
  // last one. Empty: it cannot be a secret.
  std::optional<Digest> digest_of_reported(std::string_view text) const;

  // Visits the matching durable entries, oldest first; for a key also the owner's revocation that included
  // it. Examines about this many events at most and may return a short page: milliseconds. Reads the disk.
  static constexpr std::size_t max_audit_look_at = 100'000;
  result<AuditPage> audit(const AuditQuery& query, const EventVisitor& visit) const;
  // Records a refused attempt in the trail, at a bounded rate per caller, and for all without an actor
  // (unauthenticated) together. `what` must be our own text; `key_id` may be anything. The journal is
  // permanent: anyone can add one entry a minute.
  static constexpr FairMeter::Rates refusal_rates{{32, 10'000}, {256, 1'000}, {1, 60'000}};
  void record_refusal(std::string_view what, std::string_view key_id, const Caller& caller);
  // Records how many attempts of unauthenticated callers were held back and not yet reported. Call
  // periodically.
  void record_counted_refusals();

  // Records what a gateway counted; `sender` tells its callers apart. Keys that do not exist, are outside the
  // caller's reach, or whose denied use cannot have been one, are ignored. Repeating the last batch has no
  // effect. If the call fails, some of the batch may have been recorded. Reads the disk.
  struct TakenUsage {
    std::uint64_t ignored = 0;  // keys
  };
  result<TakenUsage> take_usage(const Usage& usage, std::string_view sender, const Caller& caller);
  // How many events about denied uses a caller, and a tenant, may cause at once; the rest wait (seconds).
  static constexpr FairMeter::Rates denied_use_rates{{256, 1'000}, {1024, 250}, {1, 60'000}};
  // Since when uses are recorded: an earlier start, if the file has survived.
  UnixMs uses_since() const { return uses_since_; }
  struct UsageCounts {
    std::uint64_t ignored;  // see TakenUsage
    std::uint64_t dropped;  // attempts that gateways, or the engine, could not keep
    // Attempts with denied keys, by the state of the key when they were reported; revoked: with an old secret
    // of an active key, too.
    CountsByKeyState denied;
  };
  UsageCounts usage_counts() const;

  // The answer to a request that must have one effect, kept for all engines that share the journal
  // (engine_replies.cpp). Durable with the change if a Hold covers both. Read by recall(): see Recalled.
  static constexpr std::size_t max_kept_reply_size = 60'000;
  static constexpr std::chrono::hours reply_is_kept_for{24};
  std::unique_ptr<Journal::Hold> commit_together() { return std::make_unique<Journal::Hold>(*journal_); }
  result<Sequence> keep_reply(std::string_view name, std::string_view reply);

  Epoch epoch() const { return journal_->epoch(); }
  Sequence durable() const { return started() ? journal_->durable() : 0; }
  Sequence applied() const { return journal_->applied(); }
  const DurationHistogram& commits() const { return journal_->commits(); }
  Position position_of(Sequence sequence) const { return epochs_.position_of(sequence); }
  // Whether a reader at `position` can continue: it is not after `last`, and lies within its epoch, which
  // must have the journal id `journal` if one is given.
  bool can_continue(Position position, Sequence last, std::string_view journal = {}) const;

  // Of the current epoch, and of any epoch of this journal (empty: unknown epoch). Valid as long as this.
  std::string_view journal_id() const { return epochs_.journal(); }
  std::string_view journal_id_of(Epoch epoch) const { return epochs_.journal_of(epoch); }

  // Durable batches with events after `after`, in order, until `visit` returns false. Reads the disk.
  result<void> read_journal(Sequence after, const std::function<bool(const BatchView&)>& visit) const;

  // A copy of the journal with all that is durable now, perhaps more. Reads the disk.
  result<std::unique_ptr<Backup>> back_up() const;
  // The newest checkpoint, for another engine of the same journal: checkpoint_copy.hpp.
  result<std::unique_ptr<Backup>> copy_checkpoint() const;

  // Preferably before start(). Listeners must exist until stop() has returned.
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
  class InactiveKeys;
  void begin_service();
  enum class Named { by_id, by_secret };  // by the caller: a secret that is reported has leaked
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
  // Done before the turn, which makes it shorter; appends the event to `out`, for append_revocation().
  void encode_revocation(Slot key, Named named, UnixMs at, std::string_view reason, const Caller& caller,
                         std::string& out) const;
  Sequence append_revocation(Journal::Turn& turn, Slot key, std::string_view event);
  result<RevokedKey> revoke_slot(Slot slot, Named named, std::string_view reason, const Caller& caller);
  result<void> find_changeable(std::string_view key_id, const Caller& caller, Decision& names,
                               EventView& event) const;
  // Suspends or resumes: `change`, called within a turn, appends `event` if something changes.
  template <class Change>
  result<ChangedKey> change_state(EventType type, std::string_view key_id, std::string_view reason,
                                  const Caller& caller, const Change& change);
  bool may_concern(const AuditQuery& query) const;
  void append_refusal(std::string_view reason, std::string_view key_id, UnixMs at, const Caller& caller);
  void checkpoint_if_due(const std::function<bool()>& go_on);
  void make_checkpoint(const std::function<bool()>& go_on);
  void forget_if_due(const std::function<bool()>& go_on);
  bool forget(std::vector<std::pair<Slot, std::uint64_t>>& inactive);
  result<const RecalledKey*> forgotten(Forgotten kind, std::string_view text, const Caller& caller) const;
  result<void> refuse_forgotten(const NewKey& key, const Caller& caller) const;
  result<RevokedKey> revoke_forgotten(Forgotten kind, std::string_view text, std::string_view reason,
                                      const Caller& caller);
  Sequence append_late_revocation(Journal::Turn& turn, const RecalledKey& key, Named named, UnixMs at,
                                  std::string_view reason, const Caller& caller);
  result<std::string> find_reply(std::string_view name) const;
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
  Slot verify_slot(const Digest& digest, UnixMs now, Decision& decision) const;
  Minute last_use_of(Slot key) const;
  bool may_be_dormant(const KeyQuery& query, Slot key, Sequence created) const;
  result<void> set_usage(KeyDescription& key) const;
  result<std::vector<Sequence>> denied_use_events(std::string_view key_id) const;
  result<DeniedUses::Key> read_denied_uses(std::string_view key_id, Sequence created, UnixMs now) const;
  result<std::size_t> take_denied_uses(const Usage& usage, const Caller& caller);
  result<std::size_t> take_denied_use(DeniedUse use, std::string_view gateway, const Caller& caller);
  void append_denied_use(const DeniedUses::Due& due);
  void record_due_denied_uses();
  void load_usage();
  void save_usage_if_due(const std::function<bool()>& go_on);
  void save_usage(const std::function<bool()>& go_on);
  result<void> set_edits(KeyDescription& key) const;
  result<void> add_edits(KeyDescription& key) const;
  result<KeyPage> with_details(KeyPage page) const;
  std::array<Slot, 2> permission_sets_of(Slot key) const;
  result<void> may_give(const KeyEdit& edit, const std::array<Slot, 2>& sets, const Caller& caller) const;
  result<Sequence> revocation_of(const OwnerIds& owners, Sequence from) const;
  result<Sequence> first_revocation(const KeyRecord& key, const Decision& names) const;
  struct KnownEvents {
    Sequence created = 0;  // of these, 0: none
    Sequence revoked = 0;  // by its own event
    Sequence besides = 0;  // the revocation of an owner that included the key, and does not name it
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
  // What is known of the use of keys beside the journal.
  mutable LastUses last_uses_;
  DeniedUses denied_uses_;
  UsageBatches usage_batches_;
  FairMeter denied_use_events_{denied_use_rates};
  UnixMs uses_since_ = 0;
  mutable std::atomic<bool> has_earlier_index_{false};  // the index has all from before the start
  std::atomic<std::uint64_t> usage_ignored_{0}, usage_dropped_{0};
  std::array<std::atomic<std::uint64_t>, all_key_states.size()> denied_by_state_{};
  Epochs epochs_;
  std::string start_failure_;
  std::vector<CommitListener*> commit_listeners_;
  // Used by the checkpointer's thread only, once started.
  std::chrono::steady_clock::time_point next_search_at_{};
  Sequence durable_at_search_ = 0;  // at the previous search
  Sequence checkpointed_ = 0;       // up to where
  std::chrono::steady_clock::time_point next_usage_save_{}, next_denied_events_{};
  bool is_usage_saved_ = false;
  std::chrono::steady_clock::time_point no_checkpoint_before_{};
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::atomic<bool> started_{false};
  std::atomic<bool> stopped_{false};
};

}  // namespace revoked::engine
