#include "engine/base/slot_buckets.hpp"

namespace revoked::engine {

void SlotBuckets::Bucket::set_tag(std::size_t i, std::uint8_t tag) {
  auto& word = i < 8 ? low_ : high_;
  const auto shift = i % 8 * 8;
  const auto others = word.load(std::memory_order_relaxed) & ~(std::uint64_t{0xff} << shift);
  word.store(others | std::uint64_t{tag} << shift, std::memory_order_release);
}

void SlotBuckets::insert(std::uint64_t hash, Slot slot) const {
  for (auto at = home(hash);; at = next(at)) {
    auto& bucket = first_[at];
    const auto free = Bucket::Tags(bucket).matching(0);
    if (free == 0) {
      bucket.add_overflow(Bucket::one_overflow);
      continue;
    }
    const auto i = static_cast<std::size_t>(__builtin_ctz(free));
    bucket.slots_[i].store(slot, std::memory_order_release);
    return bucket.set_tag(i, tag_of(hash));
  }
}

SlotBuckets::Place SlotBuckets::find_slot(std::uint64_t hash, Slot slot) const {
  const auto first = home(hash);
  for (auto at = first;;) {
    const Bucket::Tags tags(first_[at]);
    for (auto candidates = tags.matching(tag_of(hash)); candidates != 0; candidates &= candidates - 1) {
      const auto i = static_cast<std::size_t>(__builtin_ctz(candidates));
      if (first_[at].slots_[i].load(std::memory_order_relaxed) == slot) return {at, i};
    }
    at = next(at);
    if (!tags.has_overflown() || at == first) return {at, bucket_slots};
  }
}

bool SlotBuckets::erase(std::uint64_t hash, Slot slot) const {
  const auto [at, i] = find_slot(hash, slot);
  if (i == bucket_slots) return false;
  first_[at].set_tag(i, 0);
  for (auto passed = home(hash); passed != at; passed = next(passed))
    first_[passed].add_overflow(0 - Bucket::one_overflow);
  return true;
}

bool SlotBuckets::replace(std::uint64_t hash, Slot from, Slot to) const {
  const auto [at, i] = find_slot(hash, from);
  if (i == bucket_slots) return false;
  first_[at].slots_[i].store(to, std::memory_order_release);
  return true;
}

void SlotBuckets::clear() const {
  for (std::size_t at = 0; at < count_; ++at) {
    for (auto* const word : {&first_[at].low_, &first_[at].high_}) {
      if (word->load(std::memory_order_relaxed) != 0) word->store(0, std::memory_order_relaxed);
    }
  }
}

}  // namespace revoked::engine
