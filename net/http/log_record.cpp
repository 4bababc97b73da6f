#include "net/http/log_record.hpp"

#include <cstdint>
#include <cstring>

#include "engine/base/time.hpp"
#include "engine/model/json_writer.hpp"
#include "net/http/log_text.hpp"

namespace revoked::net {
namespace {

using Size = std::uint16_t;
constexpr std::size_t max_text_bytes = max_log_text_bytes + 4;  // enough to see that it must be cut

void append_text(std::string& record, std::string_view text) {
  const auto size = static_cast<Size>(text.size() < max_text_bytes ? text.size() : max_text_bytes);
  record.append(reinterpret_cast<const char*>(&size), sizeof size).append(text.data(), size);
}

std::string_view take(std::string_view& record, std::size_t bytes) {
  const auto taken = record.substr(0, bytes);
  record.remove_prefix(taken.size());
  return taken;
}

std::string_view take_text(std::string_view& record) {
  Size size = 0;
  std::memcpy(&size, take(record, sizeof size).data(), sizeof size);
  return take(record, size);
}

}  // namespace

void begin_record(std::string& record, Level level, std::string_view message) {
  const auto at = engine::now_unix_ms();
  record.append(reinterpret_cast<const char*>(&at), sizeof at).push_back(static_cast<char>(level));
  append_text(record, message);
}

void add_field(std::string& record, std::string_view name, std::string_view value) {
  append_text(record, name);
  append_text(record, value);
}

void append_line(std::string& line, std::string_view record) {
  engine::UnixMs at = 0;
  std::memcpy(&at, take(record, sizeof at).data(), sizeof at);
  const auto level = static_cast<Level>(take(record, 1).front());
  std::string text;
  engine::JsonWriter json(line);
  json.open('{').key("at").time(at);
  json.field("level", name_of(level)).field("message", take_text(record));
  while (!record.empty()) {
    json.key(take_text(record));
    text.clear();
    append_log_text(text, take_text(record));
    json.raw(text);
  }
  json.close('}');
  line.push_back('\n');
}

}  // namespace revoked::net
