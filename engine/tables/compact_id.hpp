#pragma once
// An id of 1 to 256 bytes in 16 bytes of table memory.
//
// Byte 8 is the kind, using the variant bits of RFC 9562:
//   10xxxxxx  a UUID in canonical lower-case text, as its 16 bytes
//   0000nnnn  up to 15 characters in the other 15 bytes
//   01000000  longer: bytes 0-7 keyed hash, 9-14 offset in an IdArena, 15 length - 1
//
// Ids that do not fit are stored in an arena.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/mutex.hpp"

namespace revoked::engine {

// Storage of strings up to 256 bytes. `add` from any thread, `get` from any thread that received the offset
// through a synchronised structure.
class IdArena {
 public:
  static constexpr std::size_t chunk_size = 1 << 20;

  std::uint64_t add(std::string_view text);
  // No thread reads the text any more: its space is reused for one of the same size. Not kept over a restart.
  void release(std::uint64_t offset, std::size_t size);
  void set_reuse(bool on);  // off: freed space is not reused
  std::string_view get(std::uint64_t offset, std::size_t size) const;

  // For checkpoints: visits all bytes below `used` in pieces; `restore` puts them into an empty arena.
  std::uint64_t used() const {
    const MutexLock lock(mutex_);
    return used_;
  }
  template <class Visit>
  void for_each_piece(std::uint64_t used, Visit&& visit) const {
    for (std::uint64_t at = 0; at < used; at += chunk_size)
      visit(get(at, static_cast<std::size_t>(std::min<std::uint64_t>(chunk_size, used - at))));
  }
  void restore(std::string_view piece);  // all pieces but the last have chunk_size

 private:
  static constexpr std::size_t max_chunks = 1 << 16;
  mutable Mutex<4> mutex_;
  std::uint64_t used_ REVOKED_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<std::atomic<char*>[]> chunks_ = std::make_unique<std::atomic<char*>[]>(max_chunks);
  std::vector<std::unique_ptr<char[]>> owned_ REVOKED_GUARDED_BY(mutex_);
  std::unordered_map<std::size_t, std::vector<std::uint64_t>> free_ REVOKED_GUARDED_BY(mutex_);  // by size
  bool reuse_ REVOKED_GUARDED_BY(mutex_) = true;
};

// The key of a look-up. Refers to the caller's text.
struct IdProbe {
  std::uint64_t hash = 0;
  bool is_long = false;
  std::array<std::uint64_t, 2> words{};  // as stored, unless is_long
  std::string_view text;

  explicit IdProbe(std::string_view id);
};

class CompactId {
 public:
  CompactId() = default;
  CompactId(const IdProbe& probe, IdArena& arena);

  void release(IdArena& arena) const;  // frees its text in the arena; the id is no longer valid
  std::uint64_t hash() const;          // keyed_hash.hpp: differs between processes
  // For checkpoints: the id without its hash, and with it again, given an arena with the same texts.
  CompactId without_hash() const;
  CompactId with_hash(const IdArena& arena) const;
  std::array<std::uint8_t, 16> bytes() const { return std::bit_cast<std::array<std::uint8_t, 16>>(words_); }
  static CompactId from_bytes(const std::array<std::uint8_t, 16>& bytes) {
    CompactId id;
    id.words_ = std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
    return id;
  }
  bool matches(const IdProbe& probe, const IdArena& arena) const;
  void append_to(std::string& out, const IdArena& arena) const;

 private:
  std::uint8_t byte(std::size_t i) const { return static_cast<std::uint8_t>(words_[i / 8] >> (i % 8 * 8)); }
  bool is_long() const;
  std::string_view long_text(const IdArena& arena) const;
  // Words instead of bytes: comparisons use registers. Byte 0 is the lowest of the first word.
  std::array<std::uint64_t, 2> words_{};
};
static_assert(sizeof(CompactId) == 16);

}  // namespace revoked::engine
