#pragma once
// A bounded queue of log records: many threads add, one takes. Adding neither waits nor allocates: a record
// for which there is no room is counted instead.
//
// A ring of words. A record is a word with its size, then its bytes. Who adds reserves the words (head_),
// copies the bytes, and at last stores the size, until when it is 0: whoever takes stops there.

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace revoked::net {

class LogRing {
 public:
  // `words`: a power of two.
  explicit LogRing(std::size_t words) : words_(words) {}

  // From any thread. False: there was no room.
  bool push(std::string_view record);
  // How far has been pushed; as many words have been taken once taken() is there.
  std::uint64_t pushed() const { return head_.load(); }

  // By one thread: replaces `record` by the next. False: there is none, or it is not complete yet.
  bool pop(std::string& record);
  std::uint64_t taken() const { return tail_.load(std::memory_order_relaxed); }

  // Records without room since the last call.
  std::uint64_t take_dropped() { return dropped_.exchange(0, std::memory_order_relaxed); }
  void count_dropped(std::uint64_t more) { dropped_.fetch_add(more, std::memory_order_relaxed); }

 private:
  static constexpr std::size_t word_bytes = sizeof(std::uint64_t);
  static std::uint64_t words_of(std::size_t bytes) { return 1 + (bytes + word_bytes - 1) / word_bytes; }

  std::size_t place_of(std::uint64_t word) const { return word & (words_.size() - 1); }
  // The bytes from `word` on, up to the end of the ring.
  char* bytes_at(std::uint64_t word, std::size_t& room);

  std::vector<std::uint64_t> words_;
  alignas(64) std::atomic<std::uint64_t> head_{0};  // words that have been reserved, ever
  alignas(64) std::atomic<std::uint64_t> tail_{0};  // words that have been taken, ever
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace revoked::net
