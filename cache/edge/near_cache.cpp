#include "cache/edge/near_cache.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "cache/edge/long_decisions.hpp"
#include "cache/edge/near_cache_entry.hpp"
#include "cache/edge/near_cache_marks.hpp"
#include "cache/edge/permission_texts.hpp"
#include "engine/base/huge_pages.hpp"
#include "engine/base/keyed_hash.hpp"

namespace revoked::cache {
namespace {

using Slot = NearCacheIndex::Slot;
using OwnerHashes = std::array<std::uint64_t, 3>;  // by Scope; 0: none
using State = Decision::State;

constexpr std::size_t marks_of_doubt = 8;  // one doubt per this many marks

constexpr UnixMs never = std::numeric_limits<UnixMs>::max();

// Hash of the mark of several owners together; 0 for owners that are not part of it.
std::uint64_t hash_together(const OwnerHashes& owners) {
  return engine::keyed_hash({owners[0] + std::rotl(owners[1], 21), owners[2] + owners[1]});
}

// When the decision ends without any event.
UnixMs end_of(const Decision& decision) {
  switch (decision.state) {
    case State::active:
      return decision.expires_at.value_or(never);
    case State::expired:
      return decision.expires_at.value_or(0);  // already ended
    case State::locked:
      return std::min(decision.locked_until.value_or(never), decision.expires_at.value_or(never));
    default:
      return never;
  }
}

bool fits(const Decision& decision) {
  const auto ids = ids_of(decision);
  return decision.as_of.epoch <= EntryFacts::max_epoch && ids.front().size() <= engine::max_key_id_size &&
         std::all_of(ids.begin() + 1, ids.end(),
                     [](auto id) { return id.size() <= engine::max_owner_id_size; });
}

}  // namespace

// `mutex` guards all members below it, and writes of those above it, which look-ups read without it. Entries
// change only under it, so that no fill comes between the check of the marks and the entry.
struct NearCache::Impl {
  explicit Impl(const Options& options)
      : max_entries(std::clamp<std::size_t>(options.max_entries, 1, NearCacheIndex::none)),
        max_long_bytes(options.max_long_bytes),
        by_digest(max_entries),
        entries(max_entries),
        by_key(max_entries),
        tombstones(options.max_marks / 2),
        owner_marks(options.max_marks / 2),
        doubted_keys(options.max_marks / marks_of_doubt),
        doubted_owners(options.max_marks / marks_of_doubt) {}

  static std::uint64_t hash_key(std::string_view key_id) { return engine::keyed_hash(key_id, 4); }
  static std::uint64_t hash_owner(Scope scope, std::string_view id) {
    return id.empty() ? 0 : engine::keyed_hash(id, 1 + static_cast<std::uint64_t>(scope)) | 1;
  }
  static OwnerHashes hash_owners(const Ids& ids) {
    return {hash_owner(Scope::user, ids[1]), hash_owner(Scope::application, ids[2]),
            hash_owner(Scope::workspace, ids[3])};
  }

  // The hash of a revocation's mark, and the owner by which its entries notice it. Any of several owners
  // would do, since the entries concerned have them all; the first is the one that fewest other entries have.
  struct Revoked {
    std::uint64_t mark;
    std::uint64_t rarest;
    bool is_joint;
  };
  static Revoked owners_of(const Invalidation& event) {
    OwnerHashes owners{};
    for (const auto scope : engine::all_scopes) {
      const auto at = static_cast<std::size_t>(scope);
      owners[at] =
          hash_owner(scope, scope == event.scope ? std::string_view(event.owner_id) : event.within[at]);
    }
    const std::uint64_t owner = owners[static_cast<std::size_t>(event.scope)];
    const bool is_joint = std::count(owners.begin(), owners.end(), std::uint64_t{0}) < 2;
    const auto rarest = owners[0] != 0 ? owners[0] : owners[1] != 0 ? owners[1] : owners[2];
    return {is_joint ? hash_together(owners) : owner, rarest, is_joint};
  }

  Slot find_slot(DigestHead digest) const {
    return by_digest.find(digest.hash(), [&](Slot slot) { return entries[slot].digest() == digest.words; });
  }
  template <class Use>
  auto with_ids(Slot slot, Use&& use) const {
    if (const auto* const whole = wholes.find(slot)) return use(ids_of(**whole));
    const auto packed = entries[slot].ids();
    std::array<IdBuffer, 4> buffers;
    Ids ids;
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = unpack(packed, i, buffers[i]);
    return use(ids);
  }
  std::uint64_t key_of(Slot slot) const {
    return with_ids(slot, [&](const Ids& ids) { return hash_key(ids[0]); });
  }

  bool ends(const OwnerHashes& owners, Position as_of) const {
    return is_any_marked(owners, has_joint_marks,
                         [&](std::uint64_t hash) { return as_of < owner_marks.ended_before(hash); });
  }

  // Whether one of the owners is marked or, if there are joint marks, two or three together.
  template <class IsMarked>
  static bool is_any_marked(const OwnerHashes& owners, bool has_joint, IsMarked&& is_marked) {
    if (std::any_of(owners.begin(), owners.end(), [&](auto owner) { return owner != 0 && is_marked(owner); }))
      return true;
    if (!has_joint) return false;
    for (std::size_t without = 0; without <= owners.size(); ++without) {
      auto together = owners;
      if (without < owners.size()) together[without] = 0;
      if (std::count(together.begin(), together.end(), 0) <= 1 && is_marked(hash_together(together)))
        return true;
    }
    return false;
  }

  // Doubts are numbered, so that a question can tell which came after it.
  static std::uint64_t latest_doubt(const Marks& doubted, std::uint64_t hash) {
    return doubted.ended_before(hash).sequence;
  }
  bool doubts_owner(const OwnerHashes& owners, OwnerChanges::Version since) const {
    return is_any_marked(owners, has_joint_doubts,
                         [&](std::uint64_t hash) { return since < latest_doubt(doubted_owners, hash); });
  }
  bool doubts(std::uint64_t key, const OwnerHashes& owners, Moment asked) const {
    return asked.keys < latest_doubt(doubted_keys, key) || doubts_owner(owners, asked.owners);
  }

  bool has_ended(const Decision& decision, const OwnerHashes& owners) const {
    const auto as_of = decision.as_of;
    return as_of < floor || as_of < tombstones.ended_before(hash_key(decision.key_id)) || ends(owners, as_of);
  }

  [[gnu::noinline]] bool find_carefully(DigestHead digest, UnixMs now, CachedDecision& found);
  // Inline: part of the hot path of find().
  bool use(Slot slot, const PackedFacts& facts, UnixMs now, CachedDecision& found) const {
    found.state = facts.state();
    found.as_of = facts.as_of();
    found.permissions_ = &permissions[facts.permissions()];
    const bool is_over = now >= facts.expires_at();
    if (found.state != State::active) {
      if (!denies_still(found, is_over)) return false;
    } else if (is_over) {
      found.state = State::expired;
    }
    entries[slot].set_used();
    return true;
  }
  bool denies_still(const CachedDecision& found, bool is_over) const {
    if (found.state == State::expired) return is_over;  // otherwise the engine's clock was set back
    if (found.as_of.epoch < epoch.load(std::memory_order_acquire)) return false;
    return found.state == State::revoked || !is_over;
  }
  bool fill(DigestHead digest, Decision decision, Moment asked);
  bool may_replace(Slot slot, const Decision& decision) const;
  void put(Slot slot, DigestHead digest, Decision decision, const OwnerHashes& owners);
  Slot take_slot();
  Slot evict();
  void vacate(Slot slot);
  void end(Slot slot, Position at);
  template <class Take>
  void take_each(std::span<const Invalidation> events, const Marks& marks, Take&& take);
  void find_key(const Invalidation& event, std::uint64_t key);
  void doubt(const Invalidation& event, std::uint64_t key);
  void doubt_key(const Invalidation& event, std::uint64_t key);
  void doubt_owner(const Invalidation& event);
  void apply(const Invalidation& event, std::uint64_t key);
  void apply_to_key(const Invalidation& event, std::uint64_t key, Position at);
  void apply_to_owner(const Invalidation& event, Position at);
  void flush(Position position);

  const std::size_t max_entries;
  const std::size_t max_long_bytes;
  NearCacheIndex by_digest;
  engine::HugeArray<Entry> entries;
  OwnerChanges owner_changes;
  PermissionTexts permissions;
  std::atomic<Epoch> epoch{0};  // of accepted fills
  std::atomic<std::uint64_t> key_doubts{0};

  mutable std::mutex mutex;
  Position floor;  // older fills are rejected
  NearCacheIndex by_key;
  Marks tombstones;
  Marks owner_marks;
  bool has_joint_marks = false;   // owner_marks has marks of several owners together
  Marks doubted_keys;             // by key_doubts
  Marks doubted_owners;           // by the version of owner_changes
  bool has_joint_doubts = false;  // the same of doubted_owners
  LongDecisions wholes;
  std::vector<Slot> free;
  std::size_t taken = 0;  // slots used since the last flush
  std::size_t hand = 0;
  std::vector<Slot> matches;  // reused to avoid allocation
};

// ---- look-ups

// Short and without stalls, so that the cache misses of several look-ups in a row overlap.
std::optional<CachedDecision> NearCache::find(const engine::Digest& digest, UnixMs now) const {
  Impl& impl = *impl_;
  const DigestHead head(digest);
  std::optional<CachedDecision> answer(std::in_place, CachedDecision::Empty());
  CachedDecision& found = *answer;
  PackedFacts facts;
  const auto slot = impl.by_digest.find(
      head.hash(), [&](Slot candidate) { return impl.entries[candidate].read(head, facts, found.ids_); });
  bool counts = slot != NearCacheIndex::none;
  // Marks are read after the entry, so a mark applied by now is seen.
  if (counts && (facts.is_whole() || !impl.owner_changes.covered(facts.checked(), facts.owners())))
      [[unlikely]] {
    counts = impl.find_carefully(head, now, found);
  } else if (counts) {
    counts = impl.use(slot, facts, now, found);
  }
  if (!counts) answer.reset();
  return answer;
}

// For an entry that must be checked against the owners' marks, or whose decision is stored elsewhere.
bool NearCache::Impl::find_carefully(DigestHead digest, UnixMs now, CachedDecision& found) {
  const std::lock_guard held(mutex);
  const auto slot = find_slot(digest);
  if (slot == NearCacheIndex::none) return false;
  auto facts = entries[slot].facts();
  const auto owners = with_ids(slot, [&](const Ids& ids) { return hash_owners(ids); });
  if (ends(owners, facts.as_of) || doubts_owner(owners, facts.checked)) return false;
  facts.checked = owner_changes.version();
  entries[slot].write(facts);
  found.ids_ = entries[slot].ids();
  if (facts.is_whole) found = CachedDecision(*wholes.find(slot));
  const auto* const permissions_of_whole = found.permissions_;
  if (!use(slot, PackedFacts(facts), now, found)) return false;
  if (facts.is_whole) found.permissions_ = permissions_of_whole;
  return true;
}

// ---- fills

bool NearCache::Impl::fill(DigestHead digest, Decision decision, Moment asked) {
  const std::lock_guard held(mutex);
  const auto old = find_slot(digest);
  if (decision.state == State::unknown || decision.state == State::suspended) {
    if (old != NearCacheIndex::none) end(old, decision.as_of);
    return false;
  }
  const auto as_of = decision.as_of;
  const auto owners = hash_owners(ids_of(decision));
  if (!fits(decision) || LongDecisions::bytes_of(decision) > max_long_bytes || as_of.epoch != epoch ||
      has_ended(decision, owners) || doubts(hash_key(decision.key_id), owners, asked))
    return false;
  if (old == NearCacheIndex::none) {
    const auto slot = take_slot();
    put(slot, digest, std::move(decision), owners);
    by_digest.insert(digest.hash(), slot);
    return true;
  }
  if (!may_replace(old, decision)) return false;
  by_key.erase(key_of(old), old);
  put(old, digest, std::move(decision), owners);
  return true;
}

// Not by an older decision; a revoked one not by another state of the same epoch.
bool NearCache::Impl::may_replace(Slot slot, const Decision& decision) const {
  const auto old = entries[slot].facts();
  return decision.as_of >= old.as_of && !(decision.state != State::revoked && old.state == State::revoked &&
                                          old.as_of.epoch == decision.as_of.epoch);
}

void NearCache::Impl::put(Slot slot, DigestHead digest, Decision decision, const OwnerHashes& owners) {
  EntryFacts facts;
  facts.as_of = decision.as_of;
  facts.state = decision.state;
  facts.expires_at = end_of(decision);
  facts.checked = owner_changes.version();
  facts.owners = OwnerChanges::places_of(owners);
  const auto text = permissions.intern(decision.permissions);
  facts.permissions = text.value_or(0);
  PackedIds ids;
  facts.is_whole = !pack(ids_of(decision), ids) || !text;
  by_key.insert(hash_key(decision.key_id), slot);
  entries[slot].write(digest, facts, ids);
  wholes.erase(slot);
  if (!facts.is_whole) return;
  wholes.put(slot, std::move(decision));
  while (wholes.bytes() > max_long_bytes) vacate(wholes.oldest());
}

Slot NearCache::Impl::take_slot() {
  if (!free.empty()) {
    const auto slot = free.back();
    free.pop_back();
    return slot;
  }
  if (taken < max_entries) return static_cast<Slot>(taken++);
  return evict();
}

// The first entry not used since the clock hand last passed it.
Slot NearCache::Impl::evict() {
  while (entries[hand].take_used()) hand = (hand + 1) % max_entries;
  const auto slot = static_cast<Slot>(hand);
  hand = (hand + 1) % max_entries;
  vacate(slot);
  free.pop_back();
  return slot;
}

void NearCache::Impl::vacate(Slot slot) {
  by_digest.erase(DigestHead(entries[slot].digest()).hash(), slot);
  by_key.erase(key_of(slot), slot);
  wholes.erase(slot);
  entries[slot].take_used();
  free.push_back(slot);
}

// ---- the follower's events

void NearCache::Impl::end(Slot slot, Position at) {
  const auto facts = entries[slot].facts();
  if (facts.state != State::revoked && at >= facts.as_of) vacate(slot);
}

// Calls take(event, hash of its key) for each event. Prefetches, so that several cache misses overlap.
template <class Take>
void NearCache::Impl::take_each(std::span<const Invalidation> events, const Marks& marks, Take&& take) {
  std::array<std::uint64_t, 16> keys;
  while (!events.empty()) {
    const auto some = events.first(std::min(events.size(), keys.size()));
    for (std::size_t i = 0; i < some.size(); ++i) {
      keys[i] = hash_key(some[i].key_id);
      by_key.prefetch(keys[i]);
      marks.prefetch(keys[i]);
    }
    for (std::size_t i = 0; i < some.size(); ++i) take(some[i], keys[i]);
    events = events.subspan(some.size());
  }
}

// Fills `matches`.
void NearCache::Impl::find_key(const Invalidation& event, std::uint64_t key) {
  matches.clear();
  by_key.find(key, [&](Slot slot) {
    if (with_ids(slot, [&](const Ids& ids) { return ids[0] == event.key_id; })) matches.push_back(slot);
    return false;
  });
}

void NearCache::Impl::doubt_key(const Invalidation& event, std::uint64_t key) {
  const std::lock_guard held(mutex);
  doubted_keys.raise(key, {0, key_doubts.load() + 1});
  key_doubts.fetch_add(1);
  find_key(event, key);
  for (const auto slot : matches) {
    if (entries[slot].facts().state != State::revoked) vacate(slot);
  }
}

void NearCache::Impl::doubt_owner(const Invalidation& event) {
  if (event.owner_id.empty()) return;
  const auto [marked, rarest, is_joint] = owners_of(event);
  const std::lock_guard held(mutex);
  has_joint_doubts = has_joint_doubts || is_joint;
  const bool forgets = doubted_owners.raise(marked, {0, owner_changes.version() + 1});
  owner_changes.mark(rarest);
  if (forgets) owner_changes.mark_all();
}

void NearCache::Impl::apply_to_key(const Invalidation& event, std::uint64_t key, Position at) {
  const std::lock_guard held(mutex);
  tombstones.raise(key, at);
  find_key(event, key);
  for (const auto slot : matches) {
    if (event.type != Invalidation::Type::key_revoked) {
      end(slot, at);
      continue;
    }
    auto facts = entries[slot].facts();
    facts.state = State::revoked;
    facts.as_of = std::max(facts.as_of, at);
    facts.expires_at = never;
    entries[slot].write(facts);
  }
}

void NearCache::Impl::apply_to_owner(const Invalidation& event, Position at) {
  if (event.owner_id.empty()) return;
  const auto [marked, rarest, is_joint] = owners_of(event);
  const std::lock_guard held(mutex);
  has_joint_marks = has_joint_marks || is_joint;
  if (owner_marks.raise(marked, at)) owner_changes.mark_all();
  owner_changes.mark(rarest);
}

void NearCache::Impl::flush(Position position) {
  const std::lock_guard held(mutex);
  epoch = position.epoch;
  floor = position;
  by_digest.clear();
  by_key.clear();
  wholes.clear();
  free.clear();
  taken = hand = 0;
  tombstones.clear();
  owner_marks.clear();
  has_joint_marks = false;
  // A look-up that has already found an entry must not read missing marks as valid.
  owner_changes.mark_all();
}

NearCache::NearCache(Options options) : impl_(std::make_unique<Impl>(options)) {}
NearCache::~NearCache() = default;

bool NearCache::fill(const engine::Digest& digest, Decision decision, Moment asked) {
  return impl_->fill(DigestHead(digest), std::move(decision), asked);
}

NearCache::Moment NearCache::moment() const {
  return {impl_->key_doubts.load(), impl_->owner_changes.version()};
}

void NearCache::Impl::doubt(const Invalidation& event, std::uint64_t key) {
  switch (event.type) {
    case Invalidation::Type::key_revoked:
    case Invalidation::Type::key_suspended:
    case Invalidation::Type::key_changed:
      return doubt_key(event, key);
    case Invalidation::Type::owner_revoked:
    case Invalidation::Type::owner_locked:
    case Invalidation::Type::owner_unlocked:
      return doubt_owner(event);
    case Invalidation::Type::unknown:
      return;  // the follower asks the engine
  }
}

void NearCache::doubt(std::span<const Invalidation> events) {
  impl_->take_each(events, impl_->doubted_keys,
                   [this](const Invalidation& event, std::uint64_t key) { impl_->doubt(event, key); });
}

bool NearCache::is_doubted(const Decision& decision, Moment asked) const {
  const std::lock_guard held(impl_->mutex);
  return impl_->doubts(impl_->hash_key(decision.key_id), impl_->hash_owners(ids_of(decision)), asked);
}

bool NearCache::has_ended(const Decision& decision) const {
  if (decision.state != State::active) return false;
  const auto owners = impl_->hash_owners(ids_of(decision));
  const std::lock_guard held(impl_->mutex);
  return impl_->has_ended(decision, owners);
}

void NearCache::Impl::apply(const Invalidation& event, std::uint64_t key) {
  const Position at{event.epoch == 0 ? epoch.load() : event.epoch, event.sequence};
  switch (event.type) {
    case Invalidation::Type::key_revoked:
    case Invalidation::Type::key_suspended:
    case Invalidation::Type::key_changed:
      return apply_to_key(event, key, at);
    case Invalidation::Type::owner_revoked:
    case Invalidation::Type::owner_locked:
    case Invalidation::Type::owner_unlocked:
      return apply_to_owner(event, at);
    case Invalidation::Type::unknown:
      return flush(std::max(at, floor));
  }
}

void NearCache::apply(std::span<const Invalidation> events) {
  impl_->take_each(events, impl_->tombstones,
                   [this](const Invalidation& event, std::uint64_t key) { impl_->apply(event, key); });
}

void NearCache::flush(Position position) { impl_->flush(position); }

void NearCache::advance(Epoch epoch) {
  const std::lock_guard held(impl_->mutex);
  impl_->epoch = std::max(impl_->epoch.load(), epoch);
}

NearCache::Size NearCache::size() const {
  const std::lock_guard held(impl_->mutex);
  return {impl_->taken - impl_->free.size(), impl_->tombstones.size() + impl_->owner_marks.size(),
          impl_->wholes.bytes()};
}

}  // namespace revoked::cache
