#pragma once
// A gateway's in-memory copy of the engine's decisions, by digest of the secret. Bounded: 145 bytes an entry
// (indexes included) while the four ids take at most 72 bytes together (a UUID takes 17, any other id its
// length plus one). Decisions with longer ids, or whose permission text exceeds the table's limits, have a
// separate bound in bytes. NearCacheBounds.* measure it.
// Thread-safe: look-ups and fills from any thread, `apply`, `flush` and `advance` from the follower's thread.
// Look-ups take no lock and write nothing shared, so they scale with threads; all other calls are serialised.
//
// Tombstones beat fills: an answer older than an applied invalidation is not stored (P2). A decision filled
// at `as_of` covers every event up to there, so an owner event at S (revoked, locked or unlocked) ends
// exactly the entries of that owner with as_of < S: one mark per owner, checked at look-up, without a scan of
// the entries. An event within other owners ends the entries that have all of them, with as_of < S: one mark
// for the combination. Marks and tombstones are bounded: when the oldest is dropped, its position becomes the
// floor. Older than the floor, entries and fills are invalid (owner marks), or fills only (tombstones of
// keys; the key's entry has already been handled).
//
// Positions are compared with their epochs. Sequences alone are ambiguous: an engine that loses entries it
// had published but not synced reuses their sequences in its next epoch.
//
// A revoked key stays cached as a revoked decision, so that the gateway denies it without asking. In a later
// epoch it is asked about once more, since a published revocation may not have been durable. A locked key
// stays cached as well, until the lock ends or the owner's next event ends the entry.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "cache/bus/message.hpp"
#include "cache/edge/cached_decision.hpp"
#include "cache/edge/near_cache_hashes.hpp"
#include "engine/base/digest.hpp"

namespace revoked::cache {

class NearCache {
 public:
  struct Options {
    std::size_t max_entries = 1'000'000;
    std::size_t max_marks = 100'000;
    std::size_t max_long_bytes = 64 << 20;  // for decisions that do not fit into an entry
  };

  explicit NearCache(Options options);
  ~NearCache();
  NearCache(const NearCache&) = delete;
  NearCache& operator=(const NearCache&) = delete;

  // The decision if one is cached and valid at wall-clock time `now` (an active decision past its expires_at
  // is returned as expired; the engine decides when a lock ends). Empty: ask the engine. A concurrent fill
  // may hide an entry.
  std::optional<CachedDecision> find(const engine::Digest& digest, UnixMs now) const;
  // Begins to load what find() reads first.
  void prefetch(const engine::Digest& digest) const;

  // The rechecks recorded so far: taken when a question is asked, passed to fill().
  struct Moment {
    std::uint64_t keys;
    std::uint64_t owners;
  };
  Moment moment() const;

  // Stores the engine's answer to a question asked at `asked`. Not stored: an answer older than an applied
  // invalidation, of another epoch than the last `flush` or `advance`, to be rechecked since the question, or
  // with a state that may improve without notice: unknown (the secret may become a key) and suspended (the
  // key may be resumed). Returns whether it was stored.
  bool fill(const engine::Digest& digest, Decision decision, Moment asked);
  bool fill(const engine::Digest& digest, Decision decision) {
    return fill(digest, std::move(decision), moment());
  }

  // The engine has denied the secret and its answer is not stored: ends a cached decision that may still
  // allow it. A revoked one stays.
  void drop(const engine::Digest& digest);

  // For unsigned events. The cached decisions on that key or owner become invalid, and so do answers to
  // questions asked before. Costs a question and denies nothing; a later answer is not affected.
  void recheck(std::span<const Invalidation> events);
  void recheck(const Invalidation& event) { recheck({&event, 1}); }
  bool must_recheck(const Decision& decision, Moment asked) const;

  // Whether an applied event has ended it: the answer came too late, stored or not.
  bool has_ended(const Decision& decision) const;
  // The same for an active decision on these ids.
  bool have_ended(const IdHashes& ids, Position as_of) const;

  // After it returns, no look-up allows what the events ended. An unknown event drops everything.
  void apply(std::span<const Invalidation> events);
  void apply(const Invalidation& event) { apply({&event, 1}); }

  // Drops everything. Rejects fills of other epochs, or from before `position`.
  void flush(Position position);

  // The follower has reached a new epoch without missing an event: fills of that epoch are accepted, entries
  // of earlier epochs stay. Fills of the old epoch still in flight are rejected.
  void advance(Epoch epoch);

  // Uses are recorded with the minute of this time until the next call.
  void set_time(UnixMs now);
  // Calls visit(key_id, minute) for keys that were allowed since they were last visited, until it returns
  // false: in `entries` entries from `from` on. Returns where to continue; 0: from the first. A use is lost
  // if its entry is dropped before it is visited. One thread.
  using UseVisitor = std::function<bool(std::string_view key_id, engine::Minute minute)>;
  std::size_t take_uses(std::size_t from, std::size_t entries, UnixMs now, const UseVisitor& visit);

  struct Size {
    std::size_t entries;
    std::size_t marks;
    std::size_t long_bytes;
  };
  Size size() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace revoked::cache
