#pragma once
// A gateway's in-memory copy of decisions it has asked the engine for, by digest of the secret. Bounded: 145
// bytes an entry (indexes included), which are all it costs while the four ids take 72 bytes together (a UUID
// is 17, any other id its length and one); the decisions of longer ids, or of a permission text that is one
// too many, have a bound in bytes of their own. NearCacheBounds.* measure it.
// Thread-safe: look-ups and fills from any thread, `apply`, `flush` and `advance` from the follower's thread.
// Look-ups take no lock and write nothing that is shared, so they scale with threads; all else takes turns.
//
// Tombstones beat fills: an answer older than an invalidation already applied never gets in (P2). A decision
// filled at `as_of` covers every event up to there, so an owner's event at S (it was revoked, locked or
// unlocked) ends exactly the entries of that owner with as_of < S: a mark per owner, checked at look-up, and
// no walk over the entries. One within other owners ends those that have them all, with as_of < S: a mark for
// them together. Marks and tombstones are bounded: when the oldest is dropped, its position becomes the
// floor, and what is older than the floor no longer counts: entries and fills for an owner's mark, fills for
// a key's tombstone (the key's entry has been dealt with).
//
// Positions are compared with their epochs. Sequences alone would not do: an engine that loses what it had
// told but not synced gives the same sequences to other events in its next epoch.
//
// A revoked key stays in as a revoked decision, so that the gateway can go on denying it without asking. In a
// later epoch it is asked for once more, since a revocation that was told but never durable is none. A locked
// one stays in as well, until the lock's end, or until the owner's next event ends it as any other entry.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "cache/edge/cached_decision.hpp"
#include "cache/bus/message.hpp"
#include "engine/base/digest.hpp"

namespace revoked::cache {

class NearCache {
 public:
  struct Options {
    std::size_t max_entries = 1'000'000;
    std::size_t max_marks = 100'000;
    std::size_t max_long_bytes = 64 << 20;  // of decisions that do not fit into an entry
  };

  explicit NearCache(Options options);
  ~NearCache();
  NearCache(const NearCache&) = delete;
  NearCache& operator=(const NearCache&) = delete;

  // The decision if one is cached and still counts, at wall-clock time `now` (an active decision past its
  // expires_at is answered as expired; a lock's end is for the engine to say). Nothing: ask the engine; a
  // fill that is under way may hide an entry.
  std::optional<CachedDecision> find(const engine::Digest& digest, UnixMs now) const;

  // What hearsay has put in doubt up to now: a question takes it along.
  struct Moment {
    std::uint64_t keys;
    std::uint64_t owners;
  };
  Moment moment() const;

  // Keeps an answer of the engine to a question put at `asked`, unless it is older than an invalidation
  // applied, of another epoch than the last `flush` or `advance`, or one that may change for the better
  // unheard of: unknown (the secret may become known) and suspended (the key may be resumed). Those drop an
  // older entry instead. Not either if what it is about has been put in doubt since the question. Whether it
  // got in.
  bool fill(const engine::Digest& digest, Decision decision, Moment asked);
  bool fill(const engine::Digest& digest, Decision decision) {
    return fill(digest, std::move(decision), moment());
  }

  // Hearsay: anybody may have said it. What is cached about that key or owner no longer counts, and neither
  // do answers to questions put before. It costs a question and denies nothing by itself, and nothing of it
  // stays: an answer to a later question is as good as any.
  void doubt(std::span<const Invalidation> events);
  void doubt(const Invalidation& event) { doubt({&event, 1}); }
  bool is_doubted(const Decision& decision, Moment asked) const;

  // Whether what has been applied has ended it: an answer of the engine that came too late, kept or not.
  bool has_ended(const Decision& decision) const;

  // Once it has returned, no look-up allows what the events have ended. An unknown event drops everything.
  void apply(std::span<const Invalidation> events);
  void apply(const Invalidation& event) { apply({&event, 1}); }

  // Drops everything. Fills of other epochs, or from before `position`, do not get in.
  void flush(Position position);

  // The follower has reached a new epoch without missing anything: fills of that epoch get in, those of the
  // epochs before it that are already in stay. Fills still on their way from the old epoch do not get in.
  void advance(Epoch epoch);

  struct Size {
    std::size_t entries;
    std::size_t marks;
    std::size_t long_bytes;
  };
  Size size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace revoked::cache
