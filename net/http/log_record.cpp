#include "net/http/log_record.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "engine/base/time.hpp"
#include "engine/model/json_writer.hpp"
#include "net/http/log_text.hpp"

namespace revoked::net {
namespace {

constexpr std::size_t max_text_bytes = max_log_text_bytes + 4;  // enough to see that it must be cut

// Before each text.
struct FieldHead {
  const char* name;
  std::uint16_t name_size;
  std::uint16_t size;
};

void append_text(RecordBytes& record, std::string_view name, std::string_view text) {
  const FieldHead head{name.data(), static_cast<std::uint16_t>(name.size()),
                       static_cast<std::uint16_t>(std::min(text.size(), max_text_bytes))};
  char* const to = record.extend(sizeof head + head.size);
  std::memcpy(to, &head, sizeof head);
  if (head.size != 0) std::memcpy(to + sizeof head, text.data(), head.size);
}

std::string_view take(std::string_view& record, std::size_t bytes) {
  const auto taken = record.substr(0, bytes);
  record.remove_prefix(taken.size());
  return taken;
}

std::string_view take_text(std::string_view& record, std::string_view& name) {
  FieldHead head{};
  std::memcpy(&head, take(record, sizeof head).data(), sizeof head);
  name = {head.name, head.name_size};
  return take(record, head.size);
}

}  // namespace

void begin_record(RecordBytes& record, Level level, std::string_view message) {
  const auto now = engine::now_unix_ms();
  char* const to = record.extend(sizeof now + 1);
  std::memcpy(to, &now, sizeof now);
  to[sizeof now] = static_cast<char>(level);
  append_text(record, "message", message);
}

void add_field(RecordBytes& record, std::string_view name, std::string_view value) {
  append_text(record, name, value);
}

void append_line(std::string& line, std::string_view record) {
  engine::UnixMs at = 0;
  std::memcpy(&at, take(record, sizeof at).data(), sizeof at);
  const auto level = static_cast<Level>(take(record, 1).front());
  std::string text;
  engine::JsonWriter json(line);
  json.open('{').key("at").time(at);
  json.field("level", name_of(level));
  while (!record.empty()) {
    std::string_view name;
    const auto value = take_text(record, name);
    if (is_plain_log_text(value)) {
      json.field(name, value);
      continue;
    }
    text.clear();
    append_log_text(text, value);
    json.key(name).raw(text);
  }
  json.close('}');
  line.push_back('\n');
}

}  // namespace revoked::net
