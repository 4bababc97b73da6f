#include "tools/ctl/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "tools/ctl/terminal.hpp"

namespace revoked::ctl {
namespace {

std::string fixed(double number) {
  char text[32];
  std::snprintf(text, sizeof text, number < 100 ? "%.1f" : "%.0f", number);
  return text;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::ceil(seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

}  // namespace

std::string short_number(double number) {
  constexpr const char* units[] = {"", " k", " M", " G", " T"};
  std::size_t unit = 0;
  for (; number >= 1000 && unit + 1 < std::size(units); ++unit) number /= 1000;
  return (unit == 0 ? std::to_string(static_cast<std::uint64_t>(number)) : fixed(number)) + units[unit];
}

std::string ProgressLine::text() const {
  std::string out = what;
  if (total != 0) {
    constexpr std::size_t width = 24;
    const auto part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto filled = static_cast<std::size_t>(part * width);
    out.append("  [").append(filled, '#').append(width - filled, ' ').append("]  ");
    out.append(std::to_string(static_cast<int>(part * 100))).append(" %");
  }
  out.append("  ").append(short_number(static_cast<double>(count))).append(" ").append(unit);
  if (seconds > 0.5) {
    out.append("  ").append(short_number(static_cast<double>(count) / seconds)).append("/s");
    if (done != 0 && total > done) {
      const auto left = seconds * static_cast<double>(total - done) / static_cast<double>(done);
      out.append("  ").append(duration_text(left)).append(" left");
    }
  }
  return out;
}

Progress::Progress(std::string what, std::string unit, std::uint64_t total_bytes)
    : is_shown_(is_error_terminal()), line_{std::move(what), std::move(unit), 0, 0, total_bytes, 0} {}

Progress::~Progress() {
  if (is_shown_) std::cerr << "\r\x1b[K" << std::flush;
}

void Progress::add(std::uint64_t bytes, std::uint64_t count) {
  line_.done += bytes;
  line_.count += count;
  const auto now = Clock::now();
  line_.seconds = std::chrono::duration<double>(now - began_).count();
  if (!is_shown_ || now - drawn_at_ < redraw_every) return;
  drawn_at_ = now;
  draw(line_.text());
}

void Progress::wait_for_answer() {
  if (is_shown_) draw(line_.text() + "  waiting for the disk");
}

void Progress::draw(const std::string& text) { std::cerr << '\r' << text << "\x1b[K" << std::flush; }

}  // namespace revoked::ctl
