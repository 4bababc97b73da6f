#pragma once
// Text from elsewhere in a log line: whoever reads the line, on a terminal or in a viewer, sees every
// character that is there, and in its place. Nothing here is lost to who parses the line as JSON, but what is
// not UTF-8.

#include <string>
#include <string_view>

namespace revoked::net {

inline constexpr std::size_t max_log_text_bytes = 1024;  // the rest is cut off, and "…" says so

// Appends `text`, which may be anything, as a JSON string with its quotes. Escaped (\uXXXX) is what shows as
// nothing, as a blank, or moves what stands around it: control characters, separators, formats, bidirectional
// controls, fillers, private use; a blank at either end; and U+FFFD, for each byte that is not UTF-8.
void append_log_text(std::string& out, std::string_view text);

}  // namespace revoked::net
