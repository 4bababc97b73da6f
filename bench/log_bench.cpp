// The log in files: the time and the gain of packing, and the cost of reading one packed event.

#include "engine/log/local_log.hpp"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <stdexcept>

#include "bench/bench.hpp"
#include "bench/samples.hpp"

namespace revoked::bench {
namespace {

namespace fs = std::filesystem;
using engine::Field;
using engine::Sequence;

constexpr std::uint64_t segment_bytes = 16 << 20;
constexpr int segments = 4;  // plus an open one

// Events as the engine writes them in the benchmark of single requests (tools/comparison): ids like UUIDs,
// three owners derived from the number, a request id that counts.
class Events {
 public:
  explicit Events(engine::EventType type) { event_.type = type; }

  const engine::EventView& next() {
    const auto key = mix(number_++) % 10'000'000;  // in random order
    const auto secret = digest_of(key);
    id_.clear();
    append_hex(1'735'689'600'000 + key / 1000, 12);
    append_hex(7 << 12 | (mix(key) & 0xfff), 4);
    append_hex(8 << 12 | (mix(~key) & 0x3fff), 4);
    append_hex(mix(mix(key)), 12);
    for (const std::size_t at : {8u, 13u, 18u, 23u}) id_.insert(at, 1, '-');
    user_ = numbered('u', key % 1'000'000, 7);
    application_ = numbered('a', key % 10'000, 5);
    workspace_ = numbered('w', key % 1'000, 4);
    request_ = "8f14e45fceea167a" + numbered('0', number_, 15);
    digest_.assign(secret.begin(), secret.end());
    event_.at = 1'767'322'445'678 + static_cast<engine::UnixMs>(number_ / 100);
    event_[Field::key_id] = id_;
    event_[Field::user] = user_;
    event_[Field::application] = application_;
    event_[Field::workspace] = workspace_;
    event_[Field::actor] = "master";
    event_[Field::actor_kind] = "\1";
    event_[Field::address] = "127.0.0.1";
    event_[Field::request_id] = request_;
    if (event_.type == engine::EventType::key_created) event_[Field::digest] = digest_;
    return event_;
  }

 private:
  void append_hex(std::uint64_t value, int width) {
    while (--width >= 0) id_ += "0123456789abcdef"[value >> 4 * width & 15];
  }
  static std::string numbered(char kind, std::uint64_t number, std::size_t width) {
    auto text = std::to_string(number);
    text.insert(0, width - std::min(width, text.size()), '0');
    return kind + text;
  }

  std::uint64_t number_ = 0;
  engine::EventView event_;
  std::string id_, user_, application_, workspace_, request_, digest_;
};

struct Shape {
  const char* name;
  engine::EventType type;
  std::uint32_t batch_events;
};
constexpr Shape shapes[] = {{"delete_alone", engine::EventType::key_revoked, 1},
                            {"delete_100", engine::EventType::key_revoked, 100},
                            {"bulk", engine::EventType::key_revoked, 2048},
                            {"import", engine::EventType::key_created, 2048}};

// A log of several segments in its own directory.
class FilledLog {
 public:
  explicit FilledLog(const Shape& shape)
      : directory_(fs::temp_directory_path() / ("revoked-bench-" + std::to_string(::getpid()))) {
    fs::remove_all(directory_);
    std::string why;
    auto opened = engine::LocalLog::open(directory_, why, segment_bytes);
    if (!opened) throw std::runtime_error(why);
    log_ = std::move(*opened);
    Events events(shape.type);
    engine::Batch batch;
    while (!log_->next_unpacked(segments - 1)) {
      batch.begin(1, log_->last() + 1);
      for (std::uint32_t i = 0; i < shape.batch_events; ++i) batch.append(events.next());
      if (!log_->append(batch.view())) throw std::runtime_error(log_->failure());
    }
  }
  ~FilledLog() {
    log_.reset();
    fs::remove_all(directory_);
  }
  FilledLog(const FilledLog&) = delete;
  FilledLog& operator=(const FilledLog&) = delete;

  const engine::LocalLog& operator*() const { return *log_; }
  bool pack(std::size_t number) {
    std::string why;
    const auto packed = log_->pack(
        number, [] { return true; }, why);
    return packed && *packed == engine::Packing::done;
  }
  double bytes() const {
    std::uintmax_t bytes = 0;
    for (int number = 1; number <= segments; ++number)
      bytes += fs::file_size(directory_ / ("0000000" + std::to_string(number) + ".segment"));
    return static_cast<double>(bytes);
  }

 private:
  const fs::path directory_;
  std::unique_ptr<engine::LocalLog> log_;
};

void pack(benchmark::State& state, const Shape& shape) {
  FilledLog log(shape);
  const auto events = static_cast<double>((*log).last());
  const auto before = log.bytes();
  std::size_t number = 0;
  for (auto _ : state) {
    if (!log.pack(++number)) state.SkipWithError("not packed");
  }
  state.counters["bytes_event_before"] = before / events;
  state.counters["bytes_event"] = log.bytes() / events;
  state.counters["cpu_event"] =
      benchmark::Counter(events, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void read_one(benchmark::State& state, const Shape& shape, bool is_packed) {
  FilledLog log(shape);
  for (int number = 1; is_packed && number <= segments; ++number) log.pack(static_cast<std::size_t>(number));
  Random random;
  for (auto _ : state) {
    const Sequence sequence = 1 + random.below((*log).last());
    bool found = false;
    const auto read =
        engine::read_events(*log, std::span(&sequence, 1),
                            [&](Sequence at, const engine::EventView&) { found = at == sequence; });
    if (!read || !found) state.SkipWithError("not found");
  }
}

}  // namespace

void register_log_benchmarks() {
  for (const auto& shape : shapes) {
    const std::string name = shape.name;
    benchmark::RegisterBenchmark(("log/pack/" + name).c_str(), pack, shape)->Iterations(segments);
    for (const bool is_packed : {false, true})
      benchmark::RegisterBenchmark(("log/read_one/" + name + (is_packed ? "/packed" : "/unpacked")).c_str(),
                                   read_one, shape, is_packed);
  }
}

}  // namespace revoked::bench
