// The engine's verbs and its journal, with a store that discards everything.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "bench/bench.hpp"
#include "bench/samples.hpp"
#include "engine/journal/journal.hpp"

namespace revoked::bench {
namespace {

constexpr std::uint32_t batch_events = 1000;

void verify(benchmark::State& state, std::size_t keys) {
  static FilledEngine engine(keys);
  RandomDigests digests(0, keys, static_cast<std::uint64_t>(state.thread_index()) << 32);
  engine::Decision decision;
  for (auto _ : state) {
    if (!engine->verify(digests.next(), 1, decision)) state.SkipWithError("not ready");
    benchmark::DoNotOptimize(decision);
  }
  state.SetItemsProcessed(state.iterations());
}

// Each iteration revokes another key. The journal's thread writes batches concurrently: with a store that
// returns at once it is woken for nearly every revocation; one that takes `sync` makes it gather them.
void revoke(benchmark::State& state, std::size_t keys, std::chrono::microseconds sync) {
  static std::optional<FilledEngine> engine;
  if (state.thread_index() == 0) engine.emplace(keys, sync);  // the others wait for it at the loop's start
  const auto thread = static_cast<std::uint64_t>(state.thread_index());
  auto number = keys / static_cast<std::uint64_t>(state.threads()) * thread;
  auto id = uuid_of(0);
  const engine::Caller caller{"master", "192.0.2.1", "4bf92f3577b34da6a3ce929d0e0e4736"};
  for (auto _ : state) {
    renumber(id, number++);
    auto revoked = (*engine)->revoke(id, "leaked", caller);
    // The journal's thread, which shares the cores with these, is behind.
    while (!revoked && revoked.error() == engine::errc::overloaded) {
      std::this_thread::yield();
      revoked = (*engine)->revoke(id, "leaked", caller);
    }
    if (!revoked) state.SkipWithError("refused");
  }
  if (state.thread_index() == 0) engine.reset();
  state.SetItemsProcessed(state.iterations());
}

// From the first event until all are durable.
void journal_batch(benchmark::State& state) {
  const auto store = make_null_store();
  engine::Journal journal(*store, 1, 0, [] {});
  journal.lead();
  const auto key_id = uuid_of(1);
  const auto event = revocation_of(key_id);
  for (auto _ : state) {
    engine::Sequence last = 0;
    for (std::uint32_t i = 0; i < batch_events; ++i) last = engine::Journal::Turn(journal).append(event);
    journal.wait_until_durable(last);
  }
  state.SetItemsProcessed(state.iterations() * batch_events);
}

// 1, 2, 4 and so on, and the number of cores.
std::vector<int> thread_counts() {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::vector<int> counts;
  for (int threads = 1; threads < cores; threads *= 2) counts.push_back(threads);
  counts.push_back(cores);
  return counts;
}

}  // namespace

void register_engine_benchmarks(std::size_t keys) {
  using namespace std::chrono_literals;
  const auto suffix = "/keys:" + std::to_string(keys);
  const auto revoked_keys = std::min<std::size_t>(keys, 400'000);
  for (const int threads : thread_counts()) {
    benchmark::RegisterBenchmark(("engine/verify" + suffix).c_str(), verify, keys)
        ->Threads(threads)
        ->UseRealTime();
    for (const auto& [name, sync] :
         {std::pair("engine/revoke", 0us), std::pair("engine/revoke_sync_100us", 100us)}) {
      benchmark::RegisterBenchmark(name, revoke, revoked_keys, sync)
          ->Iterations(static_cast<std::int64_t>(revoked_keys) / threads)
          ->Threads(threads)
          ->UseRealTime();
    }
  }
  benchmark::RegisterBenchmark("journal/events:1000", journal_batch)->UseRealTime();
}

}  // namespace revoked::bench
