#pragma once
// Records that never move and are never freed, numbered from 0: a table of chunks. 32-bit slots instead of
// pointers halve the size of every index.
//
// `add` is thread-safe. A record may be read from any thread that received its slot through a synchronised
// structure (an index with a lock); what changes in it later must be atomic.

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>

#include "engine/base/mutex.hpp"
#include "engine/base/slot_buckets.hpp"

namespace revoked::engine {

template <class Record>
class Slab {
 public:
  Slab() = default;
  ~Slab() {
    for (std::size_t i = 0; i < max_chunks; ++i) {
      if (Chunk* const chunk = chunks_[i].load(std::memory_order_relaxed))
        destroy(chunk);
      else
        break;
    }
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // A new default-constructed record. Throws std::length_error when full (2^31 records).
  Slot add() {
    const auto slot = size_.fetch_add(1, std::memory_order_relaxed);
    const auto chunk = slot / chunk_records;
    ensure(chunk);
    return static_cast<Slot>(slot);
  }

  // While loading: adds `count` default-constructed records.
  void add_many(std::size_t count) {
    const auto size = size_.load(std::memory_order_relaxed) + count;
    if (count != 0) ensure((size - 1) / chunk_records);
    size_.store(size, std::memory_order_release);
  }

  Record& operator[](Slot slot) {
    return chunks_[slot / chunk_records].load(std::memory_order_acquire)->records[slot % chunk_records];
  }
  const Record& operator[](Slot slot) const { return const_cast<Slab&>(*this)[slot]; }

  // Slots below this exist; the newest of them may not be complete yet.
  std::size_t size() const { return size_.load(std::memory_order_acquire); }

 private:
  // A chunk is a huge page, if available: records are read at random, and with small pages nearly every read
  // would also miss the TLB.
  static constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;
  static constexpr std::size_t chunk_records = huge_page_bytes / sizeof(Record);
  static constexpr std::size_t max_chunks = (std::size_t{1} << 31) / chunk_records;
  struct Chunk {
    Record records[chunk_records];
  };
  static_assert(sizeof(Chunk) == huge_page_bytes && std::has_single_bit(chunk_records));

  static Chunk* create() {
    void* const memory = std::aligned_alloc(huge_page_bytes, sizeof(Chunk));
    if (memory == nullptr) throw std::bad_alloc();
    ::madvise(memory, sizeof(Chunk), MADV_HUGEPAGE);
    return new (memory) Chunk;
  }
  static void destroy(Chunk* chunk) {
    chunk->~Chunk();
    std::free(chunk);
  }

  void ensure(std::size_t chunk) {
    if (chunk >= max_chunks) throw std::length_error("the table is full");
    // Chunks are created in order, so the destructor can stop at the first gap.
    if (!chunks_[chunk].load(std::memory_order_acquire)) {
      const MutexLock lock(growing_);
      for (std::size_t i = grown_; i <= chunk; ++i) chunks_[i].store(create(), std::memory_order_release);
      grown_ = std::max(grown_, chunk + 1);
    }
  }

  std::atomic<std::size_t> size_{0};
  Mutex<4> growing_;
  std::size_t grown_ REVOKED_GUARDED_BY(growing_) = 0;
  // Value-initialised by the allocator as zero pages: no cost until used.
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::atomic<Chunk*>[], Free> chunks_ {
    static_cast<std::atomic<Chunk*>*>(std::calloc(max_chunks, sizeof(std::atomic<Chunk*>)))
  };
};

}  // namespace revoked::engine
