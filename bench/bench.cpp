// bench [--keys N] [option of Google Benchmark]...
// Benchmarks of single operations of the engine, the near cache and the parsers. See also: bench --help.

#include "bench/bench.hpp"

#include <benchmark/benchmark.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace {

constexpr std::size_t max_keys = 100'000'000;

// Removes `--keys N` from the arguments. False if N is invalid.
bool take_keys(int& argc, char** argv, std::size_t& keys) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) != "--keys") continue;
    if (i + 1 == argc) return false;
    const std::string_view text(argv[i + 1]);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), keys);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return false;
    for (int j = i; j + 2 <= argc; ++j) argv[j] = argv[j + 2];  // including the terminating null
    argc -= 2;
    --i;
  }
  return keys >= 1000 && keys <= max_keys;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t keys = 1'000'000;
  if (!take_keys(argc, argv, keys)) {
    std::fprintf(stderr, "bench: --keys needs a number from 1000 to %zu\n", max_keys);
    return 2;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  using namespace revoked::bench;
  register_key_table_benchmarks(keys);
  register_near_cache_benchmarks();
  register_engine_benchmarks(keys);
  register_message_benchmarks();
  register_log_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
