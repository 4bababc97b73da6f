#include "engine/base/options.hpp"

#include <charconv>
#include <string_view>
#include <system_error>

namespace revoked::engine {

std::chrono::milliseconds parse_duration(const std::string& text, const std::string& option,
                                         std::chrono::days longest) {
  std::int64_t number = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  const std::string_view unit(read.ptr, static_cast<std::size_t>(end - read.ptr));
  const std::int64_t scale = unit.empty() || unit == "ms" ? 1
                             : unit == "s"                ? 1000
                             : unit == "m"                ? 60'000
                             : unit == "h"                ? 3'600'000
                             : unit == "d"                ? 24 * 3'600'000
                                                          : 0;
  const std::int64_t max_ms = std::chrono::milliseconds(longest).count();
  if (read.ec != std::errc{} || scale == 0 || number <= 0 || number > max_ms / scale) {
    throw ConfigurationError(option + ": '" + text + "' is not a duration such as 500ms, 3s or 2m, up to " +
                             (longest.count() == 1 ? "a day" : std::to_string(longest.count()) + "d"));
  }
  return std::chrono::milliseconds(number * scale);
}

}  // namespace revoked::engine
