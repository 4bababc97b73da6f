#include "cache/edge/near_cache.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "cache/edge/near_cache_marks.hpp"
#include "cache/edge/near_cache_store.hpp"
#include "cache/edge/owner_changes.hpp"
#include "engine/base/mutex.hpp"

namespace revoked::cache {
namespace {

using Slot = NearCacheStore::Slot;
using State = Decision::State;

constexpr Slot none = NearCacheStore::none;
constexpr std::size_t marks_per_recheck = 8;

// Calls visit(events, hashes of their keys) for a few events at a time, so that their cache misses overlap.
template <class Visit>
void for_each_group(std::span<const Invalidation> events, Visit&& visit) {
  std::array<std::uint64_t, 16> keys;
  while (!events.empty()) {
    const auto group = events.first(std::min(events.size(), keys.size()));
    for (std::size_t i = 0; i < group.size(); ++i) keys[i] = hash_key(group[i].key_id);
    visit(group, std::span<const std::uint64_t>(keys).first(group.size()));
    events = events.subspan(group.size());
  }
}

}  // namespace

class NearCache::Impl {
 public:
  explicit Impl(const Options& options)
      : table(std::clamp<std::size_t>(options.max_entries, 1, none)),
        store_(table, options.max_long_bytes),
        applied_(options.max_marks),
        unsigned_(options.max_marks / marks_per_recheck) {}

  // Inline: part of the hot path of find().
  bool decide(Slot slot, const PackedFacts& facts, UnixMs now, CachedDecision& found) const {
    found.state = facts.state();
    found.as_of = facts.as_of();
    found.expires_at = facts.expires_at();
    found.permissions_ = &table.permissions[facts.permissions()];
    const bool is_over = now >= facts.expires_at();
    if (found.state != State::active) {
      if (!denies_still(found, is_over)) return false;
    } else if (is_over) {
      found.state = State::expired;
    }
    table.entries[slot].set_used(table.use_mark.load(std::memory_order_relaxed));
    return true;
  }
  [[gnu::noinline]] bool find_checked(DigestHead digest, UnixMs now, CachedDecision& found);
  Moment moment() const { return {key_rechecks_.load(), owner_changes.version()}; }
  bool fill(DigestHead digest, Decision decision, Moment asked);
  void drop(DigestHead digest);
  void recheck(std::span<const Invalidation> events);
  bool must_recheck(const Decision& decision, Moment asked) const;
  bool have_ended(const IdHashes& ids, Position as_of) const;
  void apply(std::span<const Invalidation> events);
  void flush(Position position);
  void advance(Epoch epoch);
  std::size_t take_uses(std::size_t from, std::size_t entries, UnixMs now, const UseVisitor& visit);
  Size size() const;

  // Read by look-ups without the mutex.
  NearCacheTable table;
  OwnerChanges owner_changes;

 private:
  bool denies_still(const CachedDecision& found, bool is_over) const {
    if (found.state == State::expired) return is_over;  // otherwise the engine's clock was set back
    if (found.as_of.epoch < epoch_.load(std::memory_order_acquire)) return false;
    return found.state == State::revoked || !is_over;
  }

  bool may_replace(Slot slot, const Decision& decision) const REVOKED_REQUIRES(mutex_);
  bool must_recheck(const IdHashes& ids, Moment asked) const REVOKED_REQUIRES(mutex_);
  void end_entry(Slot slot, Position at) REVOKED_REQUIRES(mutex_);
  void recheck(const Invalidation& event, std::uint64_t key) REVOKED_REQUIRES(mutex_);
  void apply(const Invalidation& event, std::uint64_t key) REVOKED_REQUIRES(mutex_);
  void apply_to_key(const Invalidation& event, std::uint64_t key, Position at) REVOKED_REQUIRES(mutex_);
  void drop_everything(Position position) REVOKED_REQUIRES(mutex_);

  std::atomic<Epoch> epoch_{0};  // of accepted fills
  std::atomic<std::uint64_t> key_rechecks_{0};

  // Guards also writes of the members above it. Entries change only under it, so that no fill
  // comes between the check of the marks and the entry.
  mutable engine::Mutex<engine::lone_level> mutex_;
  NearCacheStore store_ REVOKED_GUARDED_BY(mutex_);
  AppliedEvents applied_ REVOKED_GUARDED_BY(mutex_);
  // Keys are numbered by key_rechecks_, owners by the version of owner_changes.
  UnsignedEvents unsigned_ REVOKED_GUARDED_BY(mutex_);
};

// ---- look-ups

// Short and without stalls, so that the cache misses of several look-ups in a row overlap.
std::optional<CachedDecision> NearCache::find(const engine::Digest& digest, UnixMs now) const {
  Impl& impl = *impl_;
  const DigestHead head(digest);
  std::optional<CachedDecision> answer(std::in_place, CachedDecision::Empty());
  CachedDecision& found = *answer;
  PackedFacts facts;
  const auto slot = impl.table.by_digest.find(head.hash(), [&](Slot candidate) {
    return impl.table.entries[candidate].read(head, facts, found.ids_);
  });
  bool is_valid = slot != none;
  // Marks are read after the entry, so a mark applied by now is seen.
  if (is_valid && (facts.is_long() || !impl.owner_changes.covered(facts.checked(), facts.owners())))
      [[unlikely]] {
    is_valid = impl.find_checked(head, now, found);
  } else if (is_valid) {
    is_valid = impl.decide(slot, facts, now, found);
  }
  if (!is_valid) answer.reset();
  return answer;
}

// For an entry that must be checked against the owners' marks, or whose decision is stored elsewhere.
bool NearCache::Impl::find_checked(DigestHead digest, UnixMs now, CachedDecision& found) {
  const engine::MutexLock lock(mutex_);
  const auto slot = store_.find(digest);
  if (slot == none) return false;
  auto& entry = table.entries[slot];
  auto facts = entry.facts();
  const auto owners = store_.owners_of(slot);
  if (applied_.have_ended(owners, facts.as_of) || unsigned_.owners_rechecked_since(owners, facts.checked))
    return false;
  facts.checked = owner_changes.version();
  entry.write(facts);
  if (!facts.is_long) {
    found.ids_ = entry.ids();
    return decide(slot, PackedFacts(facts), now, found);
  }
  found = CachedDecision(store_.long_decision(slot));
  const auto* const permissions = found.permissions_;
  if (!decide(slot, PackedFacts(facts), now, found)) return false;
  found.permissions_ = permissions;
  return true;
}

// ---- fills

bool NearCache::Impl::fill(DigestHead digest, Decision decision, Moment asked) {
  const engine::MutexLock lock(mutex_);
  const auto old = store_.find(digest);
  const bool may_improve = decision.state == State::unknown || decision.state == State::suspended;
  const IdHashes ids(ids_of(decision));
  if (may_improve || !store_.can_hold(decision) || decision.as_of.epoch != epoch_ ||
      applied_.have_ended(ids, decision.as_of) || must_recheck(ids, asked) ||
      (old != none && !may_replace(old, decision)))
    return false;
  store_.put(old, digest, std::move(decision), ids, owner_changes.version());
  return true;
}

void NearCache::Impl::drop(DigestHead digest) {
  const engine::MutexLock lock(mutex_);
  const auto slot = store_.find(digest);
  if (slot != none && table.entries[slot].facts().state != State::revoked) store_.remove(slot);
}

// Not by an older decision; a revoked one not by another state of the same epoch.
bool NearCache::Impl::may_replace(Slot slot, const Decision& decision) const {
  const auto old = table.entries[slot].facts();
  return decision.as_of >= old.as_of && !(decision.state != State::revoked && old.state == State::revoked &&
                                          old.as_of.epoch == decision.as_of.epoch);
}

bool NearCache::Impl::must_recheck(const IdHashes& ids, Moment asked) const {
  return unsigned_.key_rechecked_since(ids.key, asked.keys) ||
         unsigned_.owners_rechecked_since(ids.owners, asked.owners);
}

bool NearCache::Impl::must_recheck(const Decision& decision, Moment asked) const {
  const IdHashes ids(ids_of(decision));
  const engine::MutexLock lock(mutex_);
  return must_recheck(ids, asked);
}

bool NearCache::Impl::have_ended(const IdHashes& ids, Position as_of) const {
  const engine::MutexLock lock(mutex_);
  return applied_.have_ended(ids, as_of);
}

// ---- the follower's events

void NearCache::Impl::recheck(std::span<const Invalidation> events) {
  for_each_group(events, [&](std::span<const Invalidation> group, std::span<const std::uint64_t> keys) {
    const engine::MutexLock lock(mutex_);
    for (const auto key : keys) {
      store_.prefetch_key(key);
      unsigned_.prefetch(key);
    }
    for (std::size_t i = 0; i < group.size(); ++i) recheck(group[i], keys[i]);
  });
}

void NearCache::Impl::recheck(const Invalidation& event, std::uint64_t key) {
  if (event.type == Invalidation::Type::unknown) return;  // the follower asks the engine
  if (event.is_of_owner()) {
    if (event.owner_id.empty()) return;
    const EventOwners owners(event);
    const bool forgets = unsigned_.recheck_owners(owners, owner_changes.version() + 1);
    owner_changes.mark(owners.rarest);
    if (forgets) owner_changes.mark_all();
    return;
  }
  unsigned_.recheck_key(key, key_rechecks_.load() + 1);
  key_rechecks_.fetch_add(1);
  for (const auto slot : store_.find_key(event.key_id, key)) {
    if (table.entries[slot].facts().state != State::revoked) store_.remove(slot);
  }
}

void NearCache::Impl::apply(std::span<const Invalidation> events) {
  for_each_group(events, [&](std::span<const Invalidation> group, std::span<const std::uint64_t> keys) {
    const engine::MutexLock lock(mutex_);
    for (const auto key : keys) {
      store_.prefetch_key(key);
      applied_.prefetch(key);
    }
    for (std::size_t i = 0; i < group.size(); ++i) apply(group[i], keys[i]);
  });
}

void NearCache::Impl::apply(const Invalidation& event, std::uint64_t key) {
  const Position at{event.epoch == 0 ? epoch_.load() : event.epoch, event.sequence};
  if (event.type == Invalidation::Type::unknown) return drop_everything(std::max(at, applied_.floor()));
  if (!event.is_of_owner()) return apply_to_key(event, key, at);
  if (event.owner_id.empty()) return;
  const EventOwners owners(event);
  if (applied_.end_owners(owners, at)) owner_changes.mark_all();
  owner_changes.mark(owners.rarest);
}

void NearCache::Impl::apply_to_key(const Invalidation& event, std::uint64_t key, Position at) {
  applied_.end_key(key, at);
  for (const auto slot : store_.find_key(event.key_id, key)) {
    if (event.type != Invalidation::Type::key_revoked) {
      end_entry(slot, at);
      continue;
    }
    auto facts = table.entries[slot].facts();
    facts.state = State::revoked;
    facts.as_of = std::max(facts.as_of, at);
    facts.expires_at = EntryFacts::never;
    table.entries[slot].write(facts);
  }
}

void NearCache::Impl::end_entry(Slot slot, Position at) {
  const auto facts = table.entries[slot].facts();
  if (facts.state != State::revoked && at >= facts.as_of) store_.remove(slot);
}

void NearCache::Impl::drop_everything(Position position) {
  epoch_ = position.epoch;
  store_.clear();
  applied_.start_over(position);
  // A look-up that has already found an entry must not read missing marks as valid.
  owner_changes.mark_all();
}

void NearCache::Impl::flush(Position position) {
  const engine::MutexLock lock(mutex_);
  drop_everything(position);
}

void NearCache::Impl::advance(Epoch epoch) {
  const engine::MutexLock lock(mutex_);
  epoch_ = std::max(epoch_.load(), epoch);
}

// ---- uses

std::size_t NearCache::Impl::take_uses(std::size_t from, std::size_t entries, UnixMs now,
                                       const UseVisitor& visit) {
  constexpr std::size_t slots_together = 64;
  std::size_t used = 0;
  {
    const engine::MutexLock lock(mutex_);
    used = store_.slots_used();
  }
  const auto minute = engine::minute_of(now);
  const auto end = std::min(used, from + entries);
  std::vector<Slot> found;
  bool goes_on = true;
  while (from < end && goes_on) {
    found.clear();
    for (; from < end && found.size() < slots_together; ++from) {
      if (table.entries[from].has_unreported_use()) found.push_back(static_cast<Slot>(from));
    }
    const engine::MutexLock lock(mutex_);
    for (const auto slot : found) {
      if (!goes_on) {
        from = slot;
        break;
      }
      store_.take_use(slot, now, [&](std::string_view key_id, UseMark mark) {
        goes_on = visit(key_id, UseMarks::minute_of(mark, minute));
      });
    }
  }
  return from >= used ? 0 : from;
}

NearCache::Size NearCache::Impl::size() const {
  const engine::MutexLock lock(mutex_);
  return {store_.size(), applied_.size(), store_.long_bytes()};
}

// ---- the interface

NearCache::NearCache(Options options) : impl_(std::make_unique<Impl>(options)) {}
NearCache::~NearCache() = default;

void NearCache::prefetch(const engine::Digest& digest) const {
  impl_->table.by_digest.prefetch(DigestHead(digest).hash());
}

void NearCache::set_time(UnixMs now) {
  const auto mark = UseMarks::at(engine::minute_of(now));
  auto& current = impl_->table.use_mark;
  if (current.load(std::memory_order_relaxed) != mark) current.store(mark, std::memory_order_relaxed);
}

std::size_t NearCache::take_uses(std::size_t from, std::size_t entries, UnixMs now, const UseVisitor& visit) {
  return impl_->take_uses(from, entries, now, visit);
}

NearCache::Moment NearCache::moment() const { return impl_->moment(); }

bool NearCache::fill(const engine::Digest& digest, Decision decision, Moment asked) {
  return impl_->fill(DigestHead(digest), std::move(decision), asked);
}

void NearCache::drop(const engine::Digest& digest) { impl_->drop(DigestHead(digest)); }

void NearCache::recheck(std::span<const Invalidation> events) { impl_->recheck(events); }

bool NearCache::must_recheck(const Decision& decision, Moment asked) const {
  return impl_->must_recheck(decision, asked);
}

bool NearCache::has_ended(const Decision& decision) const {
  return decision.state == State::active && impl_->have_ended(IdHashes(ids_of(decision)), decision.as_of);
}

bool NearCache::have_ended(const IdHashes& ids, Position as_of) const {
  return impl_->have_ended(ids, as_of);
}

void NearCache::apply(std::span<const Invalidation> events) { impl_->apply(events); }

void NearCache::flush(Position position) { impl_->flush(position); }

void NearCache::advance(Epoch epoch) { impl_->advance(epoch); }

NearCache::Size NearCache::size() const { return impl_->size(); }

}  // namespace revoked::cache
