#include "net/http/log.hpp"

#include <unistd.h>

#include <atomic>
#include <string>

#include "engine/base/time.hpp"
#include "engine/model/json_writer.hpp"
#include "net/http/log_text.hpp"

namespace revoked::net {
namespace {

constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
std::atomic<Level> lowest{Level::info};

void write(Level level, std::string_view message, LogFields fields, std::optional<std::uint64_t> others) {
  if (level < lowest.load(std::memory_order_relaxed)) return;
  std::string line;
  std::string text;
  engine::JsonWriter json(line);
  json.open('{').key("at").time(engine::now_unix_ms());
  json.field("level", names[static_cast<int>(level)]).field("message", message);
  for (const auto& [name, value] : fields) {
    text.clear();
    append_log_text(text, value);
    json.key(name).raw(text);
  }
  if (others) json.field("others_before", std::to_string(*others));
  json.close('}');
  line.push_back('\n');
  // One write per line, so that lines of several threads do not mix. A failing log stops nothing.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

std::optional<Level> parse_level(std::string_view name) {
  for (int i = 0; i < 4; ++i) {
    if (names[i] == name) return static_cast<Level>(i);
  }
  return {};
}

void set_log_level(Level level) { lowest = level; }

bool LogLimit::admit(const engine::Asker& asker, std::uint64_t& others) {
  return meter_.admit(asker, engine::now_unix_ms(), others);
}

void log(Level level, std::string_view message, LogFields fields) { write(level, message, fields, {}); }

void log(LogLimit& limit, const engine::Asker& asker, Level level, std::string_view message,
         LogFields fields) {
  std::uint64_t others = 0;
  if (level < lowest.load(std::memory_order_relaxed) || !limit.admit(asker, others)) return;
  write(level, message, fields, others);
}

}  // namespace revoked::net
