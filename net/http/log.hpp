#pragma once
// Log lines: one JSON object a line on standard error. Thread-safe. Secrets never get here: callers log ids.
// Values may be anything: see log_text.hpp.

#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/model/fair_meter.hpp"

namespace revoked::net {

enum class Level { debug, info, warning, error };
std::optional<Level> parse_level(std::string_view name);

// What is below is dropped. Set once, at start. Default: info.
void set_log_level(Level level);

using LogFields = std::initializer_list<std::pair<std::string_view, std::string_view>>;
void log(Level level, std::string_view message, LogFields fields = {});

// Lines of one kind that requests cause, as often as somebody likes: a bounded number a second for each
// caller, and for all strangers together. The asker's next line that is written says in "others_before" how
// many were not. One object a kind, static where the line is written.
class LogLimit {
 public:
  static constexpr engine::FairMeter::Rates rates{{20, 1'000}, {200, 100}, {20, 1'000}};

  bool admit(const engine::Asker& asker, std::uint64_t& others);

 private:
  engine::FairMeter meter_{rates};
};
void log(LogLimit& limit, const engine::Asker& asker, Level level, std::string_view message,
         LogFields fields = {});

}  // namespace revoked::net
