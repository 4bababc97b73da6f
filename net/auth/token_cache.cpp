#include "net/auth/token_cache.hpp"

namespace revoked::net {

std::shared_ptr<const Claims> TokenCache::find(const engine::Digest& token, std::uint64_t generation,
                                               engine::UnixMs now) const {
  const auto& shard = shards_[shard_of(token)];
  const engine::MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(token);
  if (found == shard.entries.end()) return {};
  const auto& entry = found->second;
  const bool is_good = entry.generation == generation && now >= entry.put_at &&
                       now < entry.put_at + max_age_ms && now < entry.claims->expires_at;
  return is_good ? entry.claims : nullptr;
}

void TokenCache::put(const engine::Digest& token, std::uint64_t generation, engine::UnixMs now,
                     std::shared_ptr<const Claims> claims) {
  if (now >= claims->expires_at) return;  // valid only by leeway: never served from here
  auto& shard = shards_[shard_of(token)];
  const engine::MutexLock lock(shard.mutex);
  const auto [entry, is_new] =
      shard.entries.insert_or_assign(token, Entry{std::move(claims), generation, now});
  if (!is_new) return;
  shard.order.push_back(token);
  if (shard.order.size() > max_entries / shard_count) {
    shard.entries.erase(shard.order.front());
    shard.order.pop_front();
  }
}

void TokenCache::clear() {
  for (auto& shard : shards_) {
    const engine::MutexLock lock(shard.mutex);
    shard.entries.clear();
    shard.order.clear();
  }
}

std::size_t TokenCache::size() const {
  std::size_t size = 0;
  for (const auto& shard : shards_) {
    const engine::MutexLock lock(shard.mutex);
    size += shard.entries.size();
  }
  return size;
}

}  // namespace revoked::net
