#include "tools/ctl/json_object.hpp"

#include "engine/base/character_set.hpp"
#include "engine/base/time.hpp"
#include "net/http/json_reader.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

using tools::ConfigurationError;

constexpr std::chrono::days longest{36'500};

std::string_view checked(std::string_view name, std::string_view text) {
  if (!net::is_utf8(text)) throw ConfigurationError(std::string(name) + ": it is not UTF-8");
  return text;
}

}  // namespace

JsonObject& JsonObject::add(std::string_view name, std::string_view text) {
  json_.field(name, checked(name, text));
  is_empty_ = false;
  return *this;
}

JsonObject& JsonObject::add(std::string_view name, const std::vector<std::string>& texts) {
  json_.key(name).open('[');
  for (const auto& text : texts) json_.value(checked(name, text));
  json_.close(']');
  is_empty_ = false;
  return *this;
}

JsonObject& JsonObject::add_raw(std::string_view name, std::string_view json) {
  json_.key(name).raw(json);
  is_empty_ = false;
  return *this;
}

JsonObject& JsonObject::add_optional(std::string_view name, std::string_view text) {
  return text.empty() ? *this : add(name, text);
}

std::string JsonObject::finish() {
  json_.close('}');
  return std::move(text_);
}

std::string time_text(const std::string& text, const std::string& option) {
  if (engine::parse_rfc3339(text)) return text;
  std::string time;
  const auto from_now = std::chrono::seconds(seconds_of(text, option));
  engine::append_rfc3339(time, engine::now_unix_ms() + std::chrono::milliseconds(from_now).count());
  return time;
}

std::int64_t seconds_of(const std::string& text, const std::string& option) {
  if (text == "0") return 0;
  const bool has_unit = !engine::digits.has_all(text);
  const auto duration = tools::parse_duration(has_unit ? text : text + "s", option, longest);
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace revoked::ctl
