// The engine's look-ups, compared with a plain hash map.

#include <benchmark/benchmark.h>

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>

#include "bench/bench.hpp"
#include "bench/samples.hpp"
#include "engine/tables/key_table.hpp"

namespace revoked::bench {
namespace {

using engine::Digest;
using engine::KeyTable;
using engine::Slot;

using DigestHead = std::array<std::uint8_t, 16>;

// A digest is its own hash.
struct HeadHash {
  using is_avalanching = void;
  std::size_t operator()(const DigestHead& head) const {
    std::uint64_t hash;
    __builtin_memcpy(&hash, head.data(), sizeof hash);
    return hash;
  }
};
using FlatMap = boost::unordered_flat_map<DigestHead, Slot, HeadHash>;

DigestHead head_of(const Digest& digest) {
  DigestHead head;
  std::copy_n(digest.begin(), head.size(), head.begin());
  return head;
}

// Created when the first benchmark that uses it runs.
const KeyTable& table_of(std::size_t keys) {
  static const auto table = [keys] {
    auto made = std::make_unique<KeyTable>();
    auto id = uuid_of(0);
    for (std::size_t i = 0; i < keys; ++i) {
      renumber(id, i);
      made->insert(id, digest_of(i), [](auto&) {});
    }
    return made;
  }();
  return *table;
}

const FlatMap& map_of(std::size_t keys) {
  static const auto map = [keys] {
    FlatMap made;
    for (std::size_t i = 0; i < keys; ++i) made.emplace(head_of(digest_of(i)), static_cast<Slot>(i));
    return made;
  }();
  return map;
}

void find_by_digest(benchmark::State& state, std::size_t keys) {
  const auto& table = table_of(keys);
  RandomDigests digests(0, keys);
  for (auto _ : state) {
    const auto slot = table.find_by_digest(digests.next());
    if (slot == engine::no_slot) state.SkipWithError("key not found");
    benchmark::DoNotOptimize(slot);
  }
  state.SetItemsProcessed(state.iterations());
}

void find_unknown_digest(benchmark::State& state, std::size_t keys) {
  const auto& table = table_of(keys);
  RandomDigests unknown(keys, keys);
  for (auto _ : state) benchmark::DoNotOptimize(table.find_by_digest(unknown.next()));
  state.SetItemsProcessed(state.iterations());
}

// The ids are written in advance, as in RandomDigests.
void find_by_id(benchmark::State& state, std::size_t keys) {
  const auto& table = table_of(keys);
  Random random;
  std::vector<std::string> ids(512, uuid_of(0));
  std::size_t at = ids.size();
  for (auto _ : state) {
    if (at == ids.size()) {
      for (auto& id : ids) renumber(id, random.below(keys));
      at = 0;
    }
    const auto slot = table.find_by_id(ids[at++]);
    if (slot == engine::no_slot) state.SkipWithError("key not found");
    benchmark::DoNotOptimize(slot);
  }
  state.SetItemsProcessed(state.iterations());
}

void find_in_flat_map(benchmark::State& state, std::size_t keys) {
  const auto& map = map_of(keys);
  RandomDigests digests(0, keys);
  for (auto _ : state) {
    const auto found = map.find(head_of(digests.next()));
    if (found == map.end()) state.SkipWithError("key not found");
    benchmark::DoNotOptimize(found->second);
  }
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

void register_key_table_benchmarks(std::size_t keys) {
  const auto name = [&](const char* what) {
    return "key_table/" + std::string(what) + "/keys:" + std::to_string(keys);
  };
  benchmark::RegisterBenchmark(name("flat_map_alone").c_str(), find_in_flat_map, keys);
  benchmark::RegisterBenchmark(name("find_by_digest").c_str(), find_by_digest, keys);
  benchmark::RegisterBenchmark(name("find_unknown_digest").c_str(), find_unknown_digest, keys);
  benchmark::RegisterBenchmark(name("find_by_id").c_str(), find_by_id, keys);
}

}  // namespace revoked::bench
