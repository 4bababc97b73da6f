#pragma once
// Limits log lines: consecutive duplicates are logged once; per source, beyond `burst` lines, at most one
// line per `pause`, the latest, with the number left out before it. One thread.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace revoked::cache {

class LogThrottle {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Listener = std::function<void(std::string_view source, std::string_view what)>;
  static constexpr int burst = 20;                 // lines in a row, per source
  static constexpr std::chrono::seconds pause{3};  // per further line
  static constexpr std::size_t max_size = 256;     // of a line

  explicit LogThrottle(Listener listener) : listener_(std::move(listener)) {}

  // `source` is a literal.
  void log(std::string_view source, std::string_view what, Time now = std::chrono::steady_clock::now()) {
    const auto [known, is_new] = states_.try_emplace(source);
    auto& state = known->second;
    if (is_new) state.refilled = now;
    what = what.substr(0, max_size);
    if (state.last == what) return;
    state.last = what;
    ++state.left_out;
    say(source, state, now);
  }
  // The same text is logged again when it recurs.
  void forget(std::string_view source) {
    const auto state = states_.find(source);
    if (state != states_.end() && state->second.left_out == 0) state->second.last.clear();
  }
  // Must be called periodically: logs what was left out.
  void tick(Time now = std::chrono::steady_clock::now()) {
    for (auto& [source, state] : states_) {
      if (state.left_out != 0) say(source, state, now);
    }
  }

 private:
  struct State {
    Time refilled{};
    int lines = burst;
    std::uint64_t left_out = 0;  // includes the last
    std::string last;
  };

  void say(std::string_view source, State& state, Time now) {
    const auto more = (now - state.refilled) / pause;
    if (more > 0) {
      state.lines = static_cast<int>(std::min<std::int64_t>(burst, state.lines + more));
      state.refilled += more * pause;
    }
    if (state.lines == 0) return;
    --state.lines;
    const auto before = std::exchange(state.left_out, 0) - 1;
    if (!listener_) return;
    if (before == 0) return listener_(source, state.last);
    listener_(source, state.last + " (and " + std::to_string(before) + " before it)");
  }

  const Listener listener_;
  std::map<std::string_view, State> states_;
};

}  // namespace revoked::cache
