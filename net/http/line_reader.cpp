#include "net/http/line_reader.hpp"

#include <utility>

namespace revoked::net {

bool LineReader::next(Line& line) {
  const auto end = held_.find('\n', searched_);
  const bool last = end == std::string::npos && ended_ && (taken_ < held_.size() || skipping_);
  if (end == std::string::npos && !last) {
    searched_ = held_.size();
    if (held_.size() - taken_ > max_line_bytes) {
      skipping_ = true;
      taken_ = held_.size();
    }
    return false;
  }
  line.text = std::string_view(held_).substr(taken_, last ? std::string_view::npos : end - taken_);
  line.number = ++number_;
  line.too_long = std::exchange(skipping_, false) || line.text.size() > max_line_bytes;
  if (line.too_long) line.text = {};
  taken_ = searched_ = last ? held_.size() : end + 1;
  return true;
}

Task<BodyReader::Got> LineReader::fill() {
  using Got = BodyReader::Got;
  held_.erase(0, taken_);
  searched_ -= taken_;
  taken_ = 0;
  if (ended_) co_return Got::end;
  bool has_line = false;
  do {
    const auto got = co_await body_.next();
    if (got != Got::piece && got != Got::end) co_return got;
    held_.append(body_.piece());
    ended_ = body_.is_complete();
    has_line = body_.piece().find('\n') != std::string_view::npos;
  } while (!has_line && !ended_ && held_.size() <= max_line_bytes);
  co_return held_.empty() && !skipping_ ? Got::end : Got::piece;
}

}  // namespace revoked::net
