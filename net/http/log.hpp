#pragma once
// Log lines: one JSON object per line on standard error. Thread-safe. Secrets are never logged: callers log
// ids. Values may be any bytes: see log_text.hpp.

#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/model/fair_meter.hpp"

namespace revoked::net {

enum class Level { debug, info, warning, error };
std::optional<Level> parse_level(std::string_view name);

// Lines below this level are dropped. Set once, at start. Default: info.
void set_log_level(Level level);

using LogFields = std::initializer_list<std::pair<std::string_view, std::string_view>>;
void log(Level level, std::string_view message, LogFields fields = {});

// Limits lines of one kind that requests cause: a bounded number per second for each caller, and for all
// unauthenticated callers together. The next line written for the same caller has the number of dropped lines
// in "others_before". One object per kind, static where the line is written.
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
