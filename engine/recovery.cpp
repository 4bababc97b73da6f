#include "engine/recovery.hpp"

#include <algorithm>
#include <chrono>

#include "engine/tables/checkpoint.hpp"
#include "engine/tables/projection.hpp"

namespace revoked::engine {
namespace {

class Recovery {
 public:
  Recovery(const Log& log, Tables& tables, const ProgressListener& on_progress, std::string& detail)
      : log_(log), tables_(tables), on_progress_(on_progress), detail_(detail) {}

  result<Recovered> run(const std::string& checkpoint_file) {
    if (const auto loaded = load_checkpoint(checkpoint_file); !loaded) return loaded.error();
    progress_.events = log_.last() - recovered_.checkpoint;
    if (const auto replayed = replay(recovered_.checkpoint + 1); !replayed) return replayed.error();
    progress_.finished = true;
    progress_.keys = tables_.keys.count();
    on_progress_(progress_);
    return std::move(recovered_);
  }

 private:
  result<void> load_checkpoint(const std::string& file) {
    if (file.empty()) return {};
    // All events in a checkpoint are in the log. If the log lost its end, their positions would be reused.
    Sequence newest = 0;
    result<Digest> batch = Digest{};
    const auto is_ours = [&](const CheckpointMark& mark) {
      newest = mark.newest;
      if (newest > log_.last()) return false;
      batch = digest_of_batch(log_, newest);
      return batch && *batch == mark.newest_batch;
    };
    const auto read = read_checkpoint(file, is_ours, tables_, recovered_.epochs);
    if (newest > log_.last()) {
      detail_ = "the log ends at " + std::to_string(log_.last()) + ", but " + file + " at " +
                std::to_string(newest) + ": part of the log is missing";
      return errc::storage_corrupt;
    }
    if (!batch) return batch.error();
    if (!read && read.error() == errc::not_found) return {};
    if (!read) {
      detail_ = file + " is invalid";
      return read.error();
    }
    recovered_.checkpoint = read->sequence;
    return {};
  }

  result<void> replay(Sequence from) {
    bool whole = true;
    auto next = from;
    const auto tail = log_.read(from, [&](const BatchView& batch) {
      whole = batch.for_each([&](Sequence sequence, const EventView& event) {
        if (sequence < from) return;
        apply(tables_, sequence, event);
        if (event.type == EventType::epoch_started)
          recovered_.epochs.push_back({batch.epoch(), sequence, std::string(event[Field::journal])});
        if (++progress_.replayed_events % 16384 == 0) report_if_due();
      });
      next = batch.last() + 1;
      return whole;
    });
    if (!tail) return tail;
    if (!whole || next != log_.last() + 1) {
      detail_ = "the events after " + std::to_string(next) + " are invalid";
      return errc::storage_corrupt;
    }
    return {};
  }

  void report_if_due() {
    constexpr auto report_every = std::chrono::milliseconds(500);
    const auto now = std::chrono::steady_clock::now();
    if (now - reported_ < report_every) return;
    reported_ = now;
    progress_.keys = tables_.keys.count();
    on_progress_(progress_);
  }

  const Log& log_;
  Tables& tables_;
  const ProgressListener& on_progress_;
  std::string& detail_;
  LoadProgress progress_{};
  Recovered recovered_;
  std::chrono::steady_clock::time_point reported_ = std::chrono::steady_clock::now();
};

}  // namespace

result<Recovered> recover(const Log& log, const std::string& checkpoint_file, Tables& tables,
                          const ProgressListener& on_progress, std::string& detail) {
  return Recovery(log, tables, on_progress, detail).run(checkpoint_file);
}

}  // namespace revoked::engine
