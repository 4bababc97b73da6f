#pragma once
// Text from outside in a log line: a person who reads the line on a terminal or in a viewer sees every
// character, in its place. A JSON parser gets the text unchanged, except bytes that are not UTF-8.

#include <string>
#include <string_view>

namespace revoked::net {

inline constexpr std::size_t max_log_text_bytes = 1024;  // the rest is cut off, marked by "…"

// Whether it is shown as it is: printable ASCII without anything to escape, and not too long.
bool is_plain_log_text(std::string_view text);

// Appends `text`, which may be any bytes, as a JSON string with its quotes. Escaped (\uXXXX): characters that
// are invisible, look like a blank, or move the text around them (control characters, separators, formats,
// bidirectional controls, fillers, private use); a blank at either end; and U+FFFD, for each byte that is not
// UTF-8.
void append_log_text(std::string& out, std::string_view text);

}  // namespace revoked::net
