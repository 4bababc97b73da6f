#include "net/http/log_ring.hpp"

#include <algorithm>
#include <cstring>

namespace revoked::net {

char* LogRing::bytes_at(std::uint64_t word, std::size_t& room) {
  const auto place = place_of(word);
  room = (words_.size() - place) * word_bytes;
  return reinterpret_cast<char*>(&words_[place]);
}

bool LogRing::push(std::string_view record) {
  const auto count = words_of(record.size());
  auto begin = head_.load(std::memory_order_relaxed);
  do {
    // What others have pushed since may be taken already: then `begin` is before the tail, and is read again.
    if (begin + count > tail_.load(std::memory_order_acquire) + words_.size()) {
      count_dropped(1);
      return false;
    }
  } while (!head_.compare_exchange_weak(begin, begin + count));
  std::size_t room = 0;
  char* const to = bytes_at(begin + 1, room);
  const auto first = std::min(room, record.size());
  std::memcpy(to, record.data(), first);
  if (first < record.size()) std::memcpy(words_.data(), record.data() + first, record.size() - first);
  std::atomic_ref(words_[place_of(begin)]).store(record.size());
  return true;
}

bool LogRing::pop(std::string& record) {
  const auto begin = tail_.load(std::memory_order_relaxed);
  const auto size = std::atomic_ref(words_[place_of(begin)]).load();
  if (size == 0) return false;
  std::size_t room = 0;
  const char* const from = bytes_at(begin + 1, room);
  const auto first = std::min(room, size);
  record.assign(from, first);
  if (first < size) record.append(reinterpret_cast<const char*>(words_.data()), size - first);
  // Any of these words may be the size of a later record.
  const auto count = words_of(size);
  for (std::uint64_t word = begin; word < begin + count; ++word)
    std::atomic_ref(words_[place_of(word)]).store(0, std::memory_order_relaxed);
  tail_.store(begin + count, std::memory_order_release);
  return true;
}

}  // namespace revoked::net
