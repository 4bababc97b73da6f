#pragma once
// How many questions go to the engine in a row on one connection, and how long an answer takes, learnt from
// the answers. More in a row are more a second from an engine that is far away; but no more than the engine
// answers in good time, or all of them come too late. One thread.

#include <algorithm>
#include <chrono>

namespace revoked::cache {

class QuestionPace {
 public:
  using Duration = std::chrono::steady_clock::duration;
  static constexpr std::size_t max_in_row = 64;  // as many as the engine answers together

  explicit QuestionPace(Duration patience) : patience_(patience) {}

  std::size_t in_row() const { return in_row_; }

  // A question that has less time left than this is not worth putting.
  Duration expected() const { return std::min(expected_, patience_ / 2); }

  // So many were put in a row, and the last was answered, or not yet, after so long.
  void answered(std::size_t count, Duration took) {
    expected_ = expected_ == Duration{} ? took : (7 * expected_ + took) / 8;
    least_ = std::min(least_ + least_ / 64, took);
    if (took > std::max(patience_ / 4, 2 * least_)) {
      in_row_ = std::max<std::size_t>(in_row_ / 2, 1);
    } else if (count >= in_row_) {
      in_row_ = std::min(in_row_ + in_row_ / 4 + 1, max_in_row);
    }
  }

 private:
  const Duration patience_;
  std::size_t in_row_ = 16;
  Duration expected_{};
  Duration least_ = std::chrono::hours(1);  // of late
};

}  // namespace revoked::cache
