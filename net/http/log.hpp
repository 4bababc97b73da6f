#pragma once
// Log lines: one JSON object per line on standard error. Thread-safe. Secrets are never logged: callers log
// ids. Values may be any bytes: see log_text.hpp. While there is a StandardErrorLog, a line is written by the
// thread of that and may be dropped (log_writer.hpp); otherwise by the caller.

#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/model/fair_meter.hpp"

namespace revoked::net {

enum class Level { debug, info, warning, error };
std::optional<Level> parse_level(std::string_view name);
std::string_view name_of(Level level);

// Lines below this level are dropped. Set once, at start. Default: info.
void set_log_level(Level level);
bool is_logged(Level level);

using LogFields = std::initializer_list<std::pair<std::string_view, std::string_view>>;
// The names are literals.
void log(Level level, std::string_view message, LogFields fields = {});

// The same with a record (log_record.hpp), whose level is logged.
void log_record(std::string_view record);

// The last line of a process that cannot continue: those before it are written first, if that is possible in
// a second.
void log_last(std::string_view message, LogFields fields);

class LogWriter;

// From its beginning to its end, lines are written by a thread of its own. One at a time; other threads that
// log begin after and end before it.
class StandardErrorLog {
 public:
  StandardErrorLog();
  ~StandardErrorLog();
  StandardErrorLog(const StandardErrorLog&) = delete;
  StandardErrorLog& operator=(const StandardErrorLog&) = delete;

 private:
  const std::unique_ptr<LogWriter> writer_;
};

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
