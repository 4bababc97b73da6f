#pragma once
// How many questions to pipeline on one connection, and how long an answer takes, learnt from the answers. A
// longer pipeline raises throughput over high latency, but must not exceed what the engine answers in time.
// One thread.

#include <algorithm>
#include <chrono>

namespace revoked::cache {

class QuestionPace {
 public:
  using Duration = std::chrono::steady_clock::duration;
  static constexpr std::size_t max_depth = 64;  // what the engine answers together

  explicit QuestionPace(Duration patience) : patience_(patience) {}

  std::size_t depth() const { return depth_; }

  // A question with less time left than this is not worth sending.
  Duration expected() const { return std::min(expected_, patience_ / 2); }

  // `count` were pipelined, and the last was answered (or is not yet) after `took`.
  void answered(std::size_t count, Duration took) {
    expected_ = expected_ == Duration{} ? took : (7 * expected_ + took) / 8;
    least_ = std::min(least_ + least_ / 64, took);
    if (took > std::max(patience_ / 4, 2 * least_)) {
      depth_ = std::max<std::size_t>(depth_ / 2, 1);
    } else if (count >= depth_) {
      depth_ = std::min(depth_ + depth_ / 4 + 1, max_depth);
    }
  }

 private:
  const Duration patience_;
  std::size_t depth_ = 16;
  Duration expected_{};
  Duration least_ = std::chrono::hours(1);  // slowly forgotten
};

}  // namespace revoked::cache
