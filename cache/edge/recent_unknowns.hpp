#pragma once
// Secrets that the engine recently answered as unknown, so that repeated attempts cost at most one question
// per `max_age`. Short, because a key may be created with such a secret (import); it works at most `max_age`
// later. Bounded: the oldest is dropped first. One thread.

#include <chrono>
#include <cstddef>
#include <unordered_map>
#include <vector>

#include "cache/bus/message.hpp"
#include "engine/base/digest.hpp"
#include "engine/base/keyed_hash.hpp"

namespace revoked::cache {

class RecentUnknowns {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds max_age{200};
  static constexpr std::size_t max_entries = 8192;

  void remember(const engine::Digest& digest, Position as_of, Time now) {
    const auto known = places_.find(digest);
    if (known != places_.end()) {
      entries_[known->second] = {digest, as_of, now};
      return;
    }
    if (entries_.size() < max_entries) {
      places_.emplace(digest, entries_.size());
      entries_.push_back({digest, as_of, now});
      return;
    }
    places_.erase(entries_[oldest_].digest);
    places_.emplace(digest, oldest_);
    entries_[oldest_] = {digest, as_of, now};
    oldest_ = (oldest_ + 1) % max_entries;
  }

  // Whether it was unknown within `max_age`, and no event followed up to `position`.
  bool knows(const engine::Digest& digest, Position position, Time now) const {
    const auto place = places_.find(digest);
    if (place == places_.end()) return false;
    const auto& entry = entries_[place->second];
    return entry.as_of >= position && now - entry.at <= max_age;
  }

 private:
  struct Entry {
    engine::Digest digest;
    Position as_of;
    Time at;
  };
  std::vector<Entry> entries_;  // a ring, once it is full
  std::size_t oldest_ = 0;
  std::unordered_map<engine::Digest, std::size_t, engine::KeyedHash> places_;
};

}  // namespace revoked::cache
