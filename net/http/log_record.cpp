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

// Before each value.
struct FieldHead {
  const char* name;
  std::uint16_t name_size;
  std::uint16_t size;  // of the text; or is_position
};
constexpr std::uint16_t is_position = 0xffff;  // an engine::Position follows
static_assert(max_text_bytes < is_position);

std::uint16_t size_of(std::string_view text) {
  return static_cast<std::uint16_t>(std::min(text.size(), max_text_bytes));
}

// Returns where it ends.
char* write_text(char* to, std::string_view name, std::string_view text) {
  const FieldHead head{name.data(), static_cast<std::uint16_t>(name.size()), size_of(text)};
  std::memcpy(to, &head, sizeof head);
  if (head.size != 0) std::memcpy(to + sizeof head, text.data(), head.size);
  return to + sizeof head + head.size;
}

std::string_view take(std::string_view& record, std::size_t bytes) {
  const auto taken = record.substr(0, bytes);
  record.remove_prefix(taken.size());
  return taken;
}

template <class T>
T take_as(std::string_view& record) {
  T value{};
  std::memcpy(&value, take(record, sizeof value).data(), sizeof value);
  return value;
}

}  // namespace

void begin_record(RecordBytes& record, Level level, std::string_view message) {
  const auto now = engine::now_unix_ms();
  char* const to = record.extend(sizeof now + 1 + sizeof(FieldHead) + size_of(message));
  std::memcpy(to, &now, sizeof now);
  to[sizeof now] = static_cast<char>(level);
  write_text(to + sizeof now + 1, "message", message);
}

void add_field(RecordBytes& record, std::string_view name, std::string_view value) {
  write_text(record.extend(sizeof(FieldHead) + size_of(value)), name, value);
}

void add_fields(RecordBytes& record, LogFields fields) {
  auto bytes = fields.size() * sizeof(FieldHead);
  for (const auto& [name, value] : fields) bytes += size_of(value);
  char* to = record.extend(bytes);
  for (const auto& [name, value] : fields) to = write_text(to, name, value);
}

void add_field(RecordBytes& record, std::string_view name, engine::Position value) {
  const FieldHead head{name.data(), static_cast<std::uint16_t>(name.size()), is_position};
  char* const to = record.extend(sizeof head + sizeof value);
  std::memcpy(to, &head, sizeof head);
  std::memcpy(to + sizeof head, &value, sizeof value);
}

void append_line(std::string& line, std::string_view record) {
  const auto at = take_as<engine::UnixMs>(record);
  const auto level = static_cast<Level>(take(record, 1).front());
  std::string text;
  engine::JsonWriter json(line);
  json.open('{').key("at").time(at);
  json.field("level", name_of(level));
  while (!record.empty()) {
    const auto head = take_as<FieldHead>(record);
    const std::string_view name(head.name, head.name_size);
    if (head.size == is_position) {
      json.field(name, take_as<engine::Position>(record));
      continue;
    }
    const auto value = take(record, head.size);
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
