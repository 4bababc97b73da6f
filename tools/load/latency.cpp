#include "tools/load/latency.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace revoked::load {

// Slots 0 to 127 hold exact nanoseconds; above, every power of two has 128 steps.
std::size_t Latency::slot_of(std::uint64_t ns) {
  if (ns < steps) return ns;
  const auto shift = static_cast<unsigned>(std::bit_width(ns)) - step_bits - 1;
  return std::min<std::size_t>((shift + 1) * steps + (ns >> shift) - steps, powers * steps - 1);
}

std::uint64_t Latency::upper_end_of(std::size_t slot) {
  if (slot < steps) return slot;
  const auto shift = slot / steps - 1;
  return ((slot % steps + steps + 1) << shift) - 1;
}

void Latency::record(std::chrono::nanoseconds duration) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count()));
  ++slots_[slot_of(ns)];
  ++count_;
  largest_ns_ = std::max(largest_ns_, ns);
}

double Latency::quantile_us(double share) const {
  if (count_ == 0) return 0;
  const auto wanted =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    seen += slots_[slot];
    if (seen >= wanted) return static_cast<double>(std::min(upper_end_of(slot), largest_ns_)) / 1e3;
  }
  return largest_us();
}

}  // namespace revoked::load
