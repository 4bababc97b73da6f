#pragma once
// Log lines: one JSON object a line on standard error. Thread-safe. Secrets never get here: callers log ids.

#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

namespace revoked::net {

enum class Level { debug, info, warning, error };
std::optional<Level> parse_level(std::string_view name);

// What is below is dropped. Set once, at start. Default: info.
void set_log_level(Level level);

using LogFields = std::initializer_list<std::pair<std::string_view, std::string_view>>;
void log(Level level, std::string_view message, LogFields fields = {});

}  // namespace revoked::net
