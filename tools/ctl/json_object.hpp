#pragma once
// Builds one JSON object, such as the body of a request. Texts come from the command line: one that is not
// UTF-8 is a ConfigurationError.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/json_writer.hpp"

namespace revoked::ctl {

class JsonObject {
 public:
  JsonObject() : json_(text_) { json_.open('{'); }

  JsonObject& add(std::string_view name, std::string_view text);
  JsonObject& add(std::string_view name, const std::vector<std::string>& texts);
  JsonObject& add_raw(std::string_view name, std::string_view json);  // a number, an object, null
  // Left out if the text is empty.
  JsonObject& add_optional(std::string_view name, std::string_view text);

  bool is_empty() const { return is_empty_; }
  std::string finish();  // once

 private:
  std::string text_;
  engine::JsonWriter json_;
  bool is_empty_ = true;
};

// A time as an RFC 3339 text: as given, or so long from now ("30d", "12h"). Throws ConfigurationError.
std::string time_text(const std::string& text, const std::string& option);
// Seconds of a duration; a number without a unit is seconds. Throws ConfigurationError.
std::int64_t seconds_of(const std::string& text, const std::string& option);

}  // namespace revoked::ctl
