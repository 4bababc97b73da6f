#pragma once
// Decides whether an entry must be checked against the owners' marks again: not while no mark since the last
// check can concern one of its owners. Written by one thread at a time, read by any.

#include <array>
#include <atomic>
#include <cstdint>

namespace revoked::cache {

class OwnerChanges {
 public:
  using Version = std::uint64_t;  // below 2^48: a million marks a second for nine years

  // An entry's three owners as 30 bits of their hashes.
  static std::uint32_t places_of(const std::array<std::uint64_t, 3>& owners) {
    std::uint32_t places = 0;
    for (std::size_t i = 0; i < owners.size(); ++i) places |= place_of(owners[i]) << (place_bits * i);
    return places;
  }

  Version version() const { return version_.load(std::memory_order_acquire); }
  void mark(std::uint64_t owner) { raise(latest_[place_of(owner)]); }
  void mark_all() { raise(all_); }

  // False if one may have been marked since `checked`.
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
