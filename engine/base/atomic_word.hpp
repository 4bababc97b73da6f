#pragma once
// An atomic for memory that is mapped and never constructed: as a trivial type it exists wherever there is
// suitable memory, and begins with the bytes that are there (std::atomic has a constructor that must run).

#include <atomic>
#include <type_traits>

namespace revoked::engine {

template <class T>
class AtomicWord {
 public:
  T load(std::memory_order order) const { return ref().load(order); }
  void store(T value, std::memory_order order) { ref().store(value, order); }
  T fetch_and(T value, std::memory_order order) { return ref().fetch_and(value, order); }

 private:
  std::atomic_ref<T> ref() const { return std::atomic_ref<T>(value_); }
  static_assert(std::atomic_ref<T>::is_always_lock_free);

  alignas(std::atomic_ref<T>::required_alignment) mutable T value_;
};
static_assert(std::is_trivial_v<AtomicWord<unsigned>>);

}  // namespace revoked::engine
