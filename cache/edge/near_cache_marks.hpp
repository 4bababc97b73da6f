#pragma once
// What the near cache remembers of events: up to where what is known of a key or an owner has been ended.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache/bus/message.hpp"
#include "cache/edge/near_cache_index.hpp"

namespace revoked::cache {

// The latest position by hash, bounded: the oldest inserted goes first. A collision of hashes costs a
// question to the engine, never an allow. Not thread-safe.
class Marks {
 public:
  explicit Marks(std::size_t capacity);

  // Whether an older mark had to be forgotten for it.
  bool raise(std::uint64_t hash, Position position);
  // What is older than this has been ended.
  Position ended_before(std::uint64_t hash) const;
  void clear();
  void prefetch(std::uint64_t hash) const { index_.prefetch(hash); }
  std::size_t size() const { return marks_.size(); }

 private:
  struct Mark {
    std::uint64_t hash;
    Position position;
  };
  NearCacheIndex::Slot find(std::uint64_t hash) const;

  std::size_t capacity_;
  std::vector<Mark> marks_;  // a ring, once it is full
  std::size_t oldest_ = 0;
  NearCacheIndex index_;
  Position floor_;
};

// Whether an entry that has been checked against the owners' marks need be checked again: it need not while
// nothing has been marked since that could be about one of its owners. Written by one thread at a time, read
// by any.
class OwnerChanges {
 public:
  using Version = std::uint64_t;  // below 2^48: a million marks a second for nine years

  // An entry's three owners, by their hashes, in 30 bits.
  static std::uint32_t places_of(const std::array<std::uint64_t, 3>& owners) {
    std::uint32_t places = 0;
    for (std::size_t i = 0; i < owners.size(); ++i) places |= place_of(owners[i]) << (place_bits * i);
    return places;
  }

  Version version() const { return version_.load(std::memory_order_acquire); }
  void mark(std::uint64_t owner) { raise(latest_[place_of(owner)]); }
  void mark_all() { raise(all_); }

  // False if something may have been marked since `checked`.
  bool covered(Version checked, std::uint32_t places) const {
    if (checked >= version()) return true;
    auto latest = all_.load(std::memory_order_acquire);
    for (int i = 0; i < 3; ++i, places >>= place_bits) {
      const auto at = latest_[places & (place_count - 1)].load(std::memory_order_acquire);
      latest = at > latest ? at : latest;
    }
    return checked >= latest;
  }

 private:
  static constexpr unsigned place_bits = 10;
  static constexpr std::uint32_t place_count = 1 << place_bits;
  static std::uint32_t place_of(std::uint64_t owner) {  // 0: for no owner, never marked
    return owner == 0 ? 0 : 1 + static_cast<std::uint32_t>((owner >> 32) % (place_count - 1));
  }

  void raise(std::atomic<Version>& latest) {
    const auto next = version() + 1;
    latest.store(next, std::memory_order_release);
    version_.store(next, std::memory_order_release);
  }

  std::atomic<Version> version_{1};
  std::atomic<Version> all_{1};
  std::array<std::atomic<Version>, place_count> latest_{};
};

}  // namespace revoked::cache
