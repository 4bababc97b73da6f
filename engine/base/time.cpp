#include "engine/base/time.hpp"

#include <algorithm>
#include <chrono>

namespace revoked::engine {
namespace {

constexpr UnixMs last_ms = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z

void put_digits(char* at, unsigned value, int count) {
  for (int i = count - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// Reads exactly `count` digits, or -1.
int take_digits(std::string_view& text, int count) {
  if (text.size() < static_cast<std::size_t>(count)) return -1;
  int value = 0;
  for (int i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char lower, char upper) {
  if (text.empty() || (text[0] != lower && text[0] != upper)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

UnixMs now_unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void append_rfc3339(std::string& out, UnixMs at) {
  using namespace std::chrono;
  at = std::clamp<UnixMs>(at, 0, last_ms);
  const auto day = sys_days{days{at / 86'400'000}};
  const year_month_day date{day};
  const auto in_day = static_cast<unsigned>(at % 86'400'000);
  char text[] = "0000-00-00T00:00:00.000Z";
  put_digits(text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(text + 5, static_cast<unsigned>(date.month()), 2);
  put_digits(text + 8, static_cast<unsigned>(date.day()), 2);
  put_digits(text + 11, in_day / 3'600'000, 2);
  put_digits(text + 14, in_day / 60'000 % 60, 2);
  put_digits(text + 17, in_day / 1'000 % 60, 2);
  put_digits(text + 20, in_day % 1'000, 3);
  out.append(text, sizeof text - 1);
}

std::optional<UnixMs> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const int y = take_digits(text, 4);
  if (y < 1969 || !take(text, '-', '-')) return {};  // 1969: an offset may move it to 1970
  const int mo = take_digits(text, 2);
  if (mo < 0 || !take(text, '-', '-')) return {};
  const int d = take_digits(text, 2);
  if (d < 0 || !take(text, 't', 'T')) return {};
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!date.ok()) return {};
  const int h = take_digits(text, 2);
  if (h < 0 || h > 23 || !take(text, ':', ':')) return {};
  const int mi = take_digits(text, 2);
  if (mi < 0 || mi > 59 || !take(text, ':', ':')) return {};
  const int s = take_digits(text, 2);
  if (s < 0 || s > 60) return {};
  int ms = 0;
  if (take(text, '.', '.')) {
    int seen = 0;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      if (seen < 3) ms = ms * 10 + (text[0] - '0');
      text.remove_prefix(1);
      if (++seen > 9) return {};
    }
    if (seen == 0) return {};
    for (; seen < 3; ++seen) ms *= 10;
  }
  int offset_min = 0;
  if (!take(text, 'z', 'Z')) {
    const int sign = take(text, '+', '+') ? 1 : take(text, '-', '-') ? -1 : 0;
    const int oh = sign ? take_digits(text, 2) : -1;
    if (oh < 0 || oh > 23 || !take(text, ':', ':')) return {};
    const int om = take_digits(text, 2);
    if (om < 0 || om > 59) return {};
    offset_min = sign * (oh * 60 + om);
  }
  if (!text.empty()) return {};
  const auto day_ms = duration_cast<milliseconds>(sys_days{date}.time_since_epoch()).count();
  const UnixMs at = day_ms + ((h * 60 + mi - offset_min) * 60 + std::min(s, 59)) * UnixMs{1000} + ms;
  if (at < 0) return {};
  return at;
}

}  // namespace revoked::engine
