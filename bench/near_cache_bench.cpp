// The near cache's look-ups, of all entries and of a hot set, and what precedes them: SHA-256.

#include <benchmark/benchmark.h>

#include <memory>

#include "bench/bench.hpp"
#include "bench/samples.hpp"
#include "cache/edge/near_cache.hpp"

namespace revoked::bench {
namespace {

using cache::NearCache;

constexpr std::size_t entries = 1'000'000;
constexpr std::size_t hot_entries = 1'000;
constexpr engine::Position filled_at{1, 1};
constexpr std::string_view secret = "rvk_0123456789abcdefghijABCDEFGHIJ0123456789abcdef";

const NearCache& filled_cache() {
  static const auto cache = [] {
    auto made = std::make_unique<NearCache>(NearCache::Options{.max_entries = entries, .max_marks = 100'000});
    made->flush(filled_at);
    for (std::size_t i = 0; i < entries; ++i) made->fill(digest_of(i), decision_of(i, filled_at));
    return made;
  }();
  return *cache;
}

void find(benchmark::State& state, std::size_t among) {
  const auto& cache = filled_cache();
  RandomDigests digests(0, among, static_cast<std::uint64_t>(state.thread_index()) << 32);
  for (auto _ : state) {
    const auto found = cache.find(digests.next(), 1);
    if (!found || found->state != cache::Decision::State::active) state.SkipWithError("entry not found");
    benchmark::DoNotOptimize(*found);
  }
  state.SetItemsProcessed(state.iterations());
}

void find_and_read_ids(benchmark::State& state, std::size_t among) {
  const auto& cache = filled_cache();
  RandomDigests digests(0, among);
  cache::IdBuffer buffer;
  for (auto _ : state) {
    const auto found = cache.find(digests.next(), 1);
    if (!found) {
      state.SkipWithError("entry not found");
      break;
    }
    benchmark::DoNotOptimize(found->key_id(buffer).data());
    benchmark::ClobberMemory();
    for (const auto scope : engine::all_scopes) {
      benchmark::DoNotOptimize(found->owner(scope, buffer).data());
      benchmark::ClobberMemory();
    }
    benchmark::DoNotOptimize(found->permissions().data());
  }
  state.SetItemsProcessed(state.iterations());
}

void find_unknown(benchmark::State& state) {
  const auto& cache = filled_cache();
  RandomDigests digests(entries, entries);
  for (auto _ : state) benchmark::DoNotOptimize(cache.find(digests.next(), 1));
  state.SetItemsProcessed(state.iterations());
}

void sha256_of_secret(benchmark::State& state) {
  std::string text(secret);
  for (auto _ : state) {
    benchmark::DoNotOptimize(engine::sha256(text));
    ++text.back();
  }
  state.SetItemsProcessed(state.iterations());
}

void fill(benchmark::State& state) {
  NearCache cache({.max_entries = entries, .max_marks = 100'000});
  cache.flush(filled_at);
  std::uint64_t number = 0;
  auto decision = decision_of(0, filled_at);
  for (auto _ : state) {
    renumber(decision.key_id, number);
    cache.fill(digest_of(number), decision);
    ++number;
  }
  state.SetItemsProcessed(state.iterations());
}

// Of keys that are not cached, the usual case.
void apply_revocation(benchmark::State& state) {
  NearCache cache({.max_entries = entries, .max_marks = 100'000});
  cache.flush(filled_at);
  cache::Invalidation event;
  event.type = cache::Invalidation::Type::key_revoked;
  event.epoch = 1;
  event.key_id = uuid_of(0);
  for (auto _ : state) {
    renumber(event.key_id, ++event.sequence);
    cache.apply(event);
  }
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

void register_near_cache_benchmarks() {
  benchmark::RegisterBenchmark("near_cache/find/uniform", find, entries)
      ->Threads(1)
      ->Threads(2)
      ->UseRealTime();
  benchmark::RegisterBenchmark("near_cache/find/hot", find, hot_entries)
      ->Threads(1)
      ->Threads(2)
      ->UseRealTime();
  benchmark::RegisterBenchmark("near_cache/find_and_read_ids/uniform", find_and_read_ids, entries);
  benchmark::RegisterBenchmark("near_cache/find_and_read_ids/hot", find_and_read_ids, hot_entries);
  benchmark::RegisterBenchmark("near_cache/find_unknown", find_unknown);
  benchmark::RegisterBenchmark("near_cache/sha256_of_secret", sha256_of_secret);
  benchmark::RegisterBenchmark("near_cache/fill", fill);
  benchmark::RegisterBenchmark("near_cache/apply_revocation", apply_revocation);
}

}  // namespace revoked::bench
