#pragma once
// Input of the benchmarks: keys and their secrets, derived from numbers, the same in every run.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "cache/bus/decision.hpp"
#include "engine/base/digest.hpp"
#include "engine/engine.hpp"
#include "engine/store.hpp"

namespace revoked::bench {

// The finaliser of SplitMix64: 64 uniform bits from a number.
inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Uniform numbers below a limit.
class Random {
 public:
  explicit Random(std::uint64_t seed = 1) : state_(seed) {}
  std::uint64_t below(std::uint64_t limit) { return (mix(state_++) >> 32) * limit >> 32; }

 private:
  std::uint64_t state_;
};

inline engine::Digest digest_of(std::uint64_t number) {
  const std::uint64_t words[4] = {mix(2 * number), mix(2 * number + 1), number, 0};
  engine::Digest digest;
  static_assert(sizeof words == sizeof digest);
  __builtin_memcpy(digest.data(), words, sizeof words);
  return digest;
}

// Digests of random keys, written in advance: reading one immediately after writing it would stall on the
// pending stores, and measure that.
class RandomDigests {
 public:
  // Of `count` keys from `first` on.
  RandomDigests(std::uint64_t first, std::uint64_t count, std::uint64_t seed = 1)
      : first_(first), count_(count), random_(seed) {}

  const engine::Digest& next() {
    if (at_ == made_.size()) {
      for (auto& digest : made_) digest = digest_of(first_ + random_.below(count_));
      at_ = 0;
    }
    return made_[at_++];
  }

 private:
  const std::uint64_t first_;
  const std::uint64_t count_;
  Random random_;
  std::array<engine::Digest, 512> made_;
  std::size_t at_ = made_.size();
};

std::string uuid_of(std::uint64_t number);
// Overwrites the last digits of a result of uuid_of().
void renumber(std::string& uuid, std::uint64_t number);

// For a key with its own user, an application per ten keys and a workspace per thousand.
cache::Decision decision_of(std::uint64_t number, engine::Position as_of);

// A revocation as the engine writes it, with actor, address and request id. Refers to `key_id`.
engine::EventView revocation_of(std::string_view key_id);

// `count` revocations, from `first` on.
engine::Batch revocations(engine::Sequence first, std::uint32_t count);

// Discards everything. Commits take the time `sync`, and wait for `lock`, if given.
std::unique_ptr<engine::Store> make_null_store(std::mutex* lock = nullptr,
                                               std::chrono::microseconds sync = {});

// An engine over a null store with `keys` keys, their creation "durable".
class FilledEngine {
 public:
  explicit FilledEngine(std::size_t keys, std::chrono::microseconds sync = {});
  engine::Engine* operator->() { return &engine_; }
  // Blocks the journal's thread while held.
  std::unique_lock<std::mutex> hold_commits() { return std::unique_lock(commits_); }

 private:
  struct Deaf final : engine::JournalListener {
    void on_batch(const engine::BatchView&) override {}
  };
  std::mutex commits_;
  Deaf listener_;
  engine::Engine engine_;
};

}  // namespace revoked::bench
