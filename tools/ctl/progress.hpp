#pragma once
// The progress of long work, on one line of standard error; nothing if that is no terminal.

#include <chrono>
#include <cstdint>
#include <string>

namespace revoked::ctl {

// What one line says, as text: "import  [#####     ]  52 %  1.2 M lines  260.1 k/s  4 s left".
struct ProgressLine {
  std::string what;
  std::string unit;         // of what is counted
  std::uint64_t count = 0;  // so far
  std::uint64_t done = 0;   // bytes
  std::uint64_t total = 0;  // bytes; 0: not known
  double seconds = 0;       // since it began

  std::string text() const;
};

// "1.2 M", "260 k", "17".
std::string short_number(double number);

class Progress {
 public:
  Progress(std::string what, std::string unit, std::uint64_t total_bytes);
  ~Progress();  // removes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::uint64_t bytes, std::uint64_t count);
  // Everything is sent, and the answer is awaited.
  void wait_for_answer();
  const ProgressLine& line() const { return line_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds redraw_every{100};

  void draw(const std::string& text);

  const bool is_shown_;
  ProgressLine line_;
  Clock::time_point began_ = Clock::now();
  Clock::time_point drawn_at_;
};

}  // namespace revoked::ctl
