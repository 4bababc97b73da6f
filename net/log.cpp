#include "net/log.hpp"

#include <unistd.h>

#include <atomic>
#include <string>

#include "cache/json_writer.hpp"
#include "engine/time.hpp"

namespace revoked::net {
namespace {

constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
std::atomic<Level> lowest{Level::info};

}  // namespace

std::optional<Level> parse_level(std::string_view name) {
  for (int i = 0; i < 4; ++i) {
    if (names[i] == name) return static_cast<Level>(i);
  }
  return {};
}

void set_log_level(Level level) { lowest = level; }

void log(Level level, std::string_view message, LogFields fields) {
  if (level < lowest.load(std::memory_order_relaxed)) return;
  std::string line;
  cache::JsonWriter json(line);
  json.open('{').key("at").time(engine::now_unix_ms());
  json.field("level", names[static_cast<int>(level)]).field("message", message);
  for (const auto& [name, value] : fields) json.field(name, value);
  json.close('}');
  line.push_back('\n');
  // One write a line: lines of several threads do not mix. A log that cannot be written stops nothing.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace revoked::net
