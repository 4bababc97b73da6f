#include "cache/edge/denied_attempts.hpp"

#include <iterator>
#include <utility>

#include "cache/bus/usage.hpp"

namespace revoked::cache {

void DeniedAttempts::add(std::string_view key_id, engine::KeyState state, engine::UnixMs at,
                         const boost::asio::ip::address& client) {
  const engine::MutexLock lock(mutex_);
  ++counts_.by_state[static_cast<std::size_t>(state)];
  auto known = by_id_.find(key_id);
  if (known == by_id_.end()) {
    if (keys_.size() == max_keys) drop_oldest();
    keys_.push_front({std::string(key_id), {}, {}});
    known = by_id_.emplace(keys_.front().key_id, keys_.begin()).first;
  }
  auto& key = *known->second;
  key.attempts.add({1, at, at});
  key.client = client;
}

void DeniedAttempts::drop_oldest() {
  const auto& oldest = keys_.back();
  dropped_ += oldest.attempts.count;
  counts_.dropped += oldest.attempts.count;
  by_id_.erase(oldest.key_id);
  keys_.pop_back();
}

DeniedAttempts::Taken DeniedAttempts::take(std::size_t bytes) {
  constexpr std::size_t bytes_a_key = 160;  // besides its id
  Keys taken;
  Taken result;
  {
    const engine::MutexLock lock(mutex_);
    result.dropped = std::exchange(dropped_, 0);
    for (std::size_t size = 0; !keys_.empty() && size < bytes;) {
      size += keys_.back().key_id.size() + bytes_a_key;
      by_id_.erase(keys_.back().key_id);
      taken.splice(taken.end(), keys_, std::prev(keys_.end()));
    }
  }
  for (auto& key : taken) {
    auto network = key.client.is_unspecified() ? std::string() : network_of(key.client);
    result.uses.push_back({std::move(key.key_id), key.attempts, std::move(network)});
  }
  return result;
}

DeniedAttempts::Counts DeniedAttempts::counts() const {
  const engine::MutexLock lock(mutex_);
  return counts_;
}

}  // namespace revoked::cache
