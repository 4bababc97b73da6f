// The engine's verbs and its journal, over a store that takes everything and keeps nothing.

#include <benchmark/benchmark.h>

#include "bench/bench.hpp"
#include "bench/samples.hpp"
#include "engine/journal.hpp"

namespace revoked::bench {
namespace {

constexpr std::uint32_t batch_events = 1000;

void verify(benchmark::State& state, std::size_t keys) {
  static FilledEngine engine(keys);
  RandomDigests digests(0, keys);
  engine::Decision decision;
  for (auto _ : state) {
    if (!engine->verify(digests.next(), 1, decision)) state.SkipWithError("not ready");
    benchmark::DoNotOptimize(decision);
  }
  state.SetItemsProcessed(state.iterations());
}

// Each iteration another key. The journal's thread writes its batches meanwhile.
void revoke(benchmark::State& state, std::size_t keys) {
  FilledEngine engine(keys);
  std::uint64_t number = 0;
  auto id = uuid_of(0);
  const engine::Caller caller{"master", "192.0.2.1", "4bf92f3577b34da6a3ce929d0e0e4736"};
  for (auto _ : state) {
    renumber(id, number++);
    if (!engine->revoke(id, "leaked", caller)) state.SkipWithError("refused");
  }
  state.SetItemsProcessed(state.iterations());
}

// From the first of so many events to the moment when all are durable.
void journal_batch(benchmark::State& state) {
  const auto store = make_null_store();
  engine::Journal journal(*store, 1, 0, [] {});
  const auto key_id = uuid_of(1);
  const auto event = revocation_of(key_id);
  for (auto _ : state) {
    engine::Sequence last = 0;
    for (std::uint32_t i = 0; i < batch_events; ++i) last = engine::Journal::Turn(journal).append(event);
    journal.wait_until_durable(last);
  }
  state.SetItemsProcessed(state.iterations() * batch_events);
}

}  // namespace

void register_engine_benchmarks(std::size_t keys) {
  const auto suffix = "/keys:" + std::to_string(keys);
  benchmark::RegisterBenchmark(("engine/verify" + suffix).c_str(), verify, keys);
  const auto revoked_keys = std::min<std::size_t>(keys, 200'000);
  benchmark::RegisterBenchmark("engine/revoke", revoke, revoked_keys)
      ->Iterations(static_cast<std::int64_t>(revoked_keys));
  benchmark::RegisterBenchmark("journal/events:1000", journal_batch)->UseRealTime();
}

}  // namespace revoked::bench
