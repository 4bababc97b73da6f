#pragma once
// A child program: started with arguments and environment, its standard output read line by line, its
// standard error in a file that is shown on a failure. Killed and reaped by the destructor, or by the kernel
// if the test dies first. The kernel does so when the thread that started the process ends: start processes
// only from threads that outlive them.

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace revoked::test {

// Returns once a child that was sent SIGSTOP has stopped (or ended): until then its threads go on for some
// microseconds on other processors.
void await_stop(pid_t child);

class Process {
 public:
  struct Options {
    std::vector<std::string> command;  // the program's path first; searched for in PATH if it has no slash
    std::vector<std::string> environment{};  // NAME=VALUE, in addition to the test's own
    std::filesystem::path log{};             // standard error is appended here
    std::filesystem::path directory{};       // where it runs; empty: where the test runs
    // The largest size of a file: writes beyond fail with EFBIG, similar to a full disk.
    std::optional<std::uint64_t> file_size_limit_bytes{};
    bool own_group = false;  // in its own process group, which receives signals as a whole
  };

  explicit Process(Options options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }

  // The next line of standard output that begins with `prefix`; earlier lines are skipped. Nothing if the
  // output ends or the time is over first.
  std::optional<std::string> wait_for_line(std::string_view prefix, std::chrono::milliseconds limit);
  // All of standard output until it ends.
  std::string read_output(std::chrono::milliseconds limit);

  // SIGSTOP: returns once it has stopped.
  void signal(int number);

  // The exit code, or 128 + the signal that ended it. Nothing if it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);
  bool is_running() { return !wait(std::chrono::milliseconds(0)).has_value(); }

  std::size_t resident_bytes() const;  // its memory; 0 once it has ended

  std::string log_text() const;
  // For failure messages: the command, how it ended, the end of its log.
  std::string description() const;

 private:
  bool read_more(std::chrono::steady_clock::time_point deadline);
  void report_sanitizer_findings() const;

  Options options_;
  pid_t pid_ = -1;
  int output_ = -1;  // our end of its standard output
  std::string unread_;
  std::optional<int> exit_code_;
};

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace revoked::test
