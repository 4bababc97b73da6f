#pragma once
// What /metrics is made of: numbers that are added to often and read rarely. No lock, and no memory that
// several threads write at the same time.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace revoked::engine {

// Added to by one thread at a time: a load and a store. Read by any.
class Counter {
 public:
  void add(std::uint64_t count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Added to by any thread: each has a cell of its own, up to `cells` threads.
class SpreadCounter {
 public:
  void add() { cells_[this_thread_cell()].count.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t value() const {
    std::uint64_t sum = 0;
    for (const auto& cell : cells_) sum += cell.count.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  static constexpr std::size_t cells = 64;
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> count{0};
  };

  static std::size_t this_thread_cell() {
    static std::atomic<std::size_t> threads{0};
    static thread_local const std::size_t cell = threads.fetch_add(1, std::memory_order_relaxed) % cells;
    return cell;
  }

  std::array<Cell, cells> cells_;
};

// How long something took, as counts of fixed buckets. Added to by one thread at a time, read by any.
class DurationHistogram {
 public:
  // Upper bounds. One more bucket has what took longer.
  static constexpr std::array<std::chrono::microseconds, 17> bounds = [] {
    using std::chrono::microseconds;
    std::array<microseconds, 17> made{};
    auto at = made.begin();
    *at++ = microseconds(50);
    for (int decade = 100; decade < 10'000'000; decade *= 10) {
      *at++ = microseconds(decade);
      *at++ = microseconds(decade * 5 / 2);
      *at++ = microseconds(decade * 5);
    }
    *at = microseconds(10'000'000);
    return made;
  }();

  void add(std::chrono::nanoseconds took, std::uint64_t times = 1) {
    std::size_t bucket = 0;
    while (bucket < bounds.size() && took > bounds[bucket]) ++bucket;
    buckets_[bucket].add(times);
    nanoseconds_.add(static_cast<std::uint64_t>(took.count()) * times);
  }

  // Of one histogram, or the sum of several.
  struct Total {
    std::array<std::uint64_t, bounds.size() + 1> buckets{};
    std::uint64_t nanoseconds = 0;

    std::uint64_t count() const {
      std::uint64_t sum = 0;
      for (const auto each : buckets) sum += each;
      return sum;
    }
  };
  void add_to(Total& total) const {
    for (std::size_t i = 0; i < buckets_.size(); ++i) total.buckets[i] += buckets_[i].value();
    total.nanoseconds += nanoseconds_.value();
  }
  Total total() const {
    Total total;
    add_to(total);
    return total;
  }

 private:
  std::array<Counter, bounds.size() + 1> buckets_;
  Counter nanoseconds_;
};

}  // namespace revoked::engine
