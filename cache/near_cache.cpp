#include "cache/near_cache.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <shared_mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/near_cache_shard.hpp"

namespace revoked::cache {
namespace {

// Thread sanitizer follows at most 64 locks held at once; flush() holds all of these.
constexpr std::size_t max_key_shards = 32;
constexpr std::size_t max_entry_shards = 256;
constexpr std::size_t min_entries_a_shard = 1024;
constexpr std::size_t min_tombstones_a_shard = 64;

std::size_t shard_count(std::size_t total, std::size_t least, std::size_t most) {
  return std::bit_floor(std::clamp<std::size_t>(total / least, 1, most));
}

// Latest position by hash, bounded: the oldest inserted goes first. A collision of hashes costs a question to
// the engine, never an allow.
class Marks {
 public:
  explicit Marks(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)) {}

  void raise(std::uint64_t hash, Position position) {
    const auto [mark, added] = positions_.try_emplace(hash, position);
    if (!added) {
      mark->second = std::max(mark->second, position);
      return;
    }
    order_.push_back(hash);
    if (order_.size() <= capacity_) return;
    const auto oldest = positions_.find(order_.front());
    order_.pop_front();
    floor_ = std::max(floor_, oldest->second);
    positions_.erase(oldest);
  }

  // What is older than this has been ended.
  Position ended_before(std::uint64_t hash) const {
    const auto mark = positions_.find(hash);
    return mark == positions_.end() ? floor_ : std::max(floor_, mark->second);
  }

  void clear() {
    positions_.clear();
    order_.clear();
    floor_ = {};
  }
  std::size_t size() const { return positions_.size(); }

 private:
  std::size_t capacity_;
  std::unordered_map<std::uint64_t, Position> positions_;
  std::deque<std::uint64_t> order_;
  Position floor_;
};

// Marks of owners. `version` grows with each, so that an entry checked against a version need not be checked
// again until it changes.
struct OwnerMarks {
  explicit OwnerMarks(std::size_t capacity) : marks(capacity) {}
  mutable std::shared_mutex lock;
  Marks marks;
  std::atomic<std::uint64_t> version{1};

  bool ends(const OwnerHashes& owners, Position as_of) const {
    const std::shared_lock held(lock);
    return std::any_of(owners.begin(), owners.end(),
                       [&](std::uint64_t owner) { return owner != 0 && as_of < marks.ended_before(owner); });
  }
};

// What is known of the keys whose ids hash here. Its lock is held from the look at the tombstone to the
// entry's insertion, and by apply() from the tombstone's writing to the entry's change: neither can slip past
// the other.
struct KeyShard {
  std::mutex lock;
  std::optional<Marks> tombstones;
  std::unordered_multimap<std::uint64_t, EntryRef> entries;

  void link(std::uint64_t key, EntryRef ref) {
    const auto [from, to] = entries.equal_range(key);
    if (std::none_of(from, to, [&](const auto& entry) { return entry.second == ref; }))
      entries.emplace(key, ref);
  }
  void unlink(std::uint64_t key, EntryRef ref) {
    const auto [from, to] = entries.equal_range(key);
    const auto found = std::find_if(from, to, [&](const auto& entry) { return entry.second == ref; });
    if (found != to) entries.erase(found);
  }
};

__extension__ typedef unsigned __int128 Wide;

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

// Locks are taken in the order key shard, entry shard, owner marks.
struct NearCache::Impl {
  explicit Impl(const Options& options)
      : seed(random_seed()),
        key_shards(shard_count(options.max_marks / 2, min_tombstones_a_shard, max_key_shards)),
        entry_shards(shard_count(options.max_entries, min_entries_a_shard, max_entry_shards)),
        owners(options.max_marks / 2) {
    for (auto& shard : key_shards) shard.tombstones.emplace(options.max_marks / 2 / key_shards.size());
    for (auto& shard : entry_shards) {
      shard.set_capacity(std::max<std::size_t>(options.max_entries / entry_shards.size(), 1));
    }
  }

  // Keyed, so that nobody outside can choose ids that collide.
  std::uint64_t hash(std::string_view text, std::uint64_t kind) const {
    std::uint64_t state = seed ^ (kind * 0x9e3779b97f4a7c15u) ^ text.size();
    const auto mix = [this, &state](std::uint64_t word) {
      const auto product = static_cast<Wide>(state ^ word) * 0xd6e8feb86659fd93u;
      state = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ seed;
    };
    while (!text.empty()) {
      std::uint64_t word = 0;
      const auto size = std::min(text.size(), sizeof word);
      std::memcpy(&word, text.data(), size);
      mix(word);
      text.remove_prefix(size);
    }
    mix(seed);
    return state;
  }
  std::uint64_t hash_key(std::string_view key_id) const { return hash(key_id, 4); }
  std::uint64_t hash_owner(Scope scope, std::string_view id) const {
    return id.empty() ? 0 : hash(id, 1 + static_cast<std::uint64_t>(scope)) | 1;
  }
  OwnerHashes hash_owners(const Decision& decision) const {
    return {hash_owner(Scope::user, decision.user), hash_owner(Scope::application, decision.application),
            hash_owner(Scope::workspace, decision.workspace)};
  }

  KeyShard& key_shard(std::uint64_t key) { return key_shards[(key >> 32) & (key_shards.size() - 1)]; }
  std::size_t entry_shard_index(const engine::Digest& digest) const {
    return EntryShard::hash_of(digest) & (entry_shards.size() - 1);
  }

  bool fill(const engine::Digest& digest, Decision decision);
  void forget(std::uint64_t key, EntryRef ref);
  void apply_to_key(const Invalidation& event, Position at);
  void apply_to_owner(const Invalidation& event, Position at);
  void flush(Position position);

  const std::uint64_t seed;
  std::vector<KeyShard> key_shards;
  mutable std::vector<EntryShard> entry_shards;
  OwnerMarks owners;
  // The follower's thread only.
  Epoch epoch = 0;
  Position floor;
};

bool NearCache::Impl::fill(const engine::Digest& digest, Decision decision) {
  using State = Decision::State;
  const Position as_of = decision.as_of;
  const auto shard_index = entry_shard_index(digest);
  auto& shard = entry_shards[shard_index];
  if (decision.state == State::unknown || decision.state == State::suspended) {
    const std::lock_guard held(shard.lock);
    shard.end(digest, as_of);
    return false;
  }
  const auto key = hash_key(decision.key_id);
  const auto owner_hashes = hash_owners(decision);
  auto shared = std::make_shared<const Decision>(std::move(decision));
  auto& keys = key_shard(key);
  EntryShard::Evicted evicted;
  EntryRef ref;
  {
    const std::lock_guard held_keys(keys.lock);
    if (as_of < keys.tombstones->ended_before(key)) return false;
    const std::lock_guard held(shard.lock);
    if (as_of.epoch != shard.epoch || as_of < shard.floor || owners.ends(owner_hashes, as_of)) return false;
    const auto slot = shard.put(digest, std::move(shared), key, owner_hashes, evicted);
    if (!slot) return false;
    ref = {static_cast<std::uint32_t>(shard_index), *slot};
    keys.link(key, ref);
  }
  if (evicted.happened) forget(evicted.key, {static_cast<std::uint32_t>(shard_index), evicted.slot});
  return true;
}

// The entry of `key` at `ref` has given way to another, unless the key has come back there meanwhile.
void NearCache::Impl::forget(std::uint64_t key, EntryRef ref) {
  auto& keys = key_shard(key);
  const std::lock_guard held_keys(keys.lock);
  auto& shard = entry_shards[ref.shard];
  const std::lock_guard held(shard.lock);
  if (!shard.holds(ref.slot, key)) keys.unlink(key, ref);
}

void NearCache::Impl::apply_to_key(const Invalidation& event, Position at) {
  const auto key = hash_key(event.key_id);
  auto& keys = key_shard(key);
  const std::lock_guard held_keys(keys.lock);
  keys.tombstones->raise(key, at);
  const auto [from, to] = keys.entries.equal_range(key);
  for (auto entry = from; entry != to; ++entry) {
    auto& shard = entry_shards[entry->second.shard];
    const std::lock_guard held(shard.lock);
    if (!shard.holds(entry->second.slot, key)) continue;
    if (event.type == Invalidation::Type::key_revoked) {
      shard.revoke(entry->second.slot, event.key_id, at);
    } else {
      shard.end(entry->second.slot, at);
    }
  }
}

void NearCache::Impl::apply_to_owner(const Invalidation& event, Position at) {
  if (event.owner_id.empty()) return;
  const std::lock_guard held(owners.lock);
  owners.marks.raise(hash_owner(event.scope, event.owner_id), at);
  owners.version.fetch_add(1);
}

void NearCache::Impl::flush(Position position) {
  // No fill may come between an entry shard and the index that leads to it.
  std::vector<std::unique_lock<std::mutex>> held_keys;
  held_keys.reserve(key_shards.size());
  for (auto& shard : key_shards) held_keys.emplace_back(shard.lock);
  epoch = position.epoch;
  floor = position;
  for (auto& shard : entry_shards) {
    EntryShard::Contents dropped;  // destroyed without the lock
    const std::lock_guard held(shard.lock);
    dropped = shard.clear();
    shard.epoch = position.epoch;
    shard.floor = position;
  }
  for (auto& shard : key_shards) {
    shard.tombstones->clear();
    shard.entries.clear();
  }
  const std::lock_guard held(owners.lock);
  owners.marks.clear();
  owners.version.fetch_add(1);
}

NearCache::NearCache(Options options) : impl_(std::make_unique<Impl>(options)) {}
NearCache::~NearCache() = default;

std::shared_ptr<const Decision> NearCache::find(const engine::Digest& digest, UnixMs now) const {
  auto& shard = impl_->entry_shards[impl_->entry_shard_index(digest)];
  const std::lock_guard held(shard.lock);
  Entry* const entry = shard.find(digest);
  if (!entry || !entry->decision) return {};
  // Read before the marks: a mark set meanwhile leads to another check.
  const auto version = impl_->owners.version.load();
  if (entry->checked_version != version) {
    if (impl_->owners.ends(entry->owners, entry->as_of)) return {};
    entry->checked_version = version;
  }
  if (entry->is_revoked && entry->as_of.epoch < shard.epoch) return {};
  if (now >= entry->expires_at) entry->expire();
  entry->used = true;
  return entry->decision;
}

bool NearCache::fill(const engine::Digest& digest, Decision decision) {
  return impl_->fill(digest, std::move(decision));
}

void NearCache::apply(const Invalidation& event) {
  const Position at{event.epoch == 0 ? impl_->epoch : event.epoch, event.sequence};
  switch (event.type) {
    case Invalidation::Type::key_revoked:
    case Invalidation::Type::key_suspended:
    case Invalidation::Type::key_changed:
      return impl_->apply_to_key(event, at);
    case Invalidation::Type::owner_revoked:
      return impl_->apply_to_owner(event, at);
    case Invalidation::Type::unknown:
      return impl_->flush(std::max(at, impl_->floor));
  }
}

void NearCache::flush(Position position) { impl_->flush(position); }

void NearCache::advance(Epoch epoch) {
  if (epoch <= impl_->epoch) return;
  impl_->epoch = epoch;
  for (auto& shard : impl_->entry_shards) {
    const std::lock_guard held(shard.lock);
    shard.epoch = epoch;
  }
}

NearCache::Size NearCache::size() const {
  Size size{0, 0};
  for (auto& shard : impl_->entry_shards) {
    const std::lock_guard held(shard.lock);
    size.entries += shard.size();
  }
  for (auto& shard : impl_->key_shards) {
    const std::lock_guard held(shard.lock);
    size.marks += shard.tombstones->size();
  }
  const std::shared_lock held(impl_->owners.lock);
  size.marks += impl_->owners.marks.size();
  return size;
}

}  // namespace revoked::cache
