#include "cache/wire/event_stream.hpp"

#include <algorithm>

namespace revoked::cache {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

EventStream::Outcome EventStream::feed(std::string_view bytes, const Listener& on_event) {
  while (!bytes.empty()) {
    if (after_return_) {
      after_return_ = false;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    auto end = std::min(bytes.find('\n'), bytes.size());
    end = std::min(bytes.substr(0, end).find('\r'), end);
    if (line_.size() + data_.size() + end > limit_) return Outcome::too_large;
    const bool complete = end < bytes.size();
    if (!complete || !line_.empty()) line_.append(bytes, 0, end);
    if (!complete) return Outcome::more;
    after_return_ = bytes[end] == '\r';
    const bool go_on = take_line(line_.empty() ? bytes.substr(0, end) : std::string_view(line_), on_event);
    line_.clear();
    bytes.remove_prefix(end + 1);
    if (!go_on) return Outcome::ended;
  }
  return Outcome::more;
}

bool EventStream::take_line(std::string_view line, const Listener& on_event) {
  if (at_start_ && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  at_start_ = false;
  if (line.empty()) {
    if (data_.empty()) return true;
    const bool go_on = on_event(std::string_view(data_).substr(0, data_.size() - 1));
    data_.clear();
    return go_on;
  }
  // A comment has an empty name; ids are not needed, the messages carry their positions.
  const auto colon = std::min(line.find(':'), line.size());
  if (line.substr(0, colon) != "data") return true;
  auto value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  data_.append(value).push_back('\n');
  return true;
}

}  // namespace revoked::cache
