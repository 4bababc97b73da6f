#include "net/http/log_writer.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "engine/base/this_thread.hpp"
#include "net/http/log_record.hpp"

namespace revoked::net {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t gathered_bytes = 64 << 10;
// Lines of a burst are written together, and the thread is woken at most once in this time.
constexpr auto gather_time = 10ms;
constexpr auto look_period = 100ms;  // at whether to stop, while nobody reads

// A pipe or socket that poll() reports as ready takes PIPE_BUF bytes without blocking, and a pipe takes them
// as a whole.
std::size_t piece_bytes_of(int descriptor) {
  struct stat status {};
  const bool is_file = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  return is_file ? gathered_bytes : PIPE_BUF;
}

// The size of the whole lines at the front, at most `most` unless one line is longer.
std::size_t whole_lines(std::string_view lines, std::size_t most) {
  if (lines.size() <= most) return lines.size();
  const auto end = lines.rfind('\n', most - 1);
  return end == std::string_view::npos ? most : end + 1;
}

}  // namespace

LogWriter::LogWriter(int descriptor, std::size_t bytes)
    : descriptor_(descriptor),
      piece_bytes_(piece_bytes_of(descriptor)),
      ring_(bytes / sizeof(std::uint64_t)),
      thread_([this] { run(); }) {}

LogWriter::~LogWriter() {
  stops_ = true;
  wake();
  thread_.join();
}

void LogWriter::push(std::string_view record) {
  ring_.push(record);
  if (rests_.load() != 0) wake();
}

void LogWriter::wake() {
  if (rests_.exchange(0) != 0) rests_.notify_one();
}

bool LogWriter::flush(std::chrono::milliseconds limit) {
  const auto pushed = ring_.pushed();
  const auto until = Clock::now() + limit;
  while (written_.load() < pushed) {
    if (Clock::now() >= until) return false;
    std::this_thread::sleep_for(gather_time);
  }
  return true;
}

void LogWriter::run() {
  engine::set_up_this_thread("log lines");
  sigset_t broken_pipe;
  ::sigemptyset(&broken_pipe);
  ::sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  while (true) {
    const bool is_last = stops_;  // looked at first: what was pushed before the stop is written
    if (gather()) {
      write_lines();
      written_ = ring_.taken();
      if (lines_.size() < gathered_bytes && !stops_) std::this_thread::sleep_for(gather_time);
    } else if (is_last) {
      return;
    } else {
      rest();
    }
  }
}

// False: there is nothing to write.
bool LogWriter::gather() {
  lines_.clear();
  std::string record;
  while (lines_.size() < gathered_bytes && ring_.pop(record)) append_line(lines_, record);
  if (const auto dropped = ring_.take_dropped(); dropped != 0) {
    RecordBytes told;
    begin_record(told, Level::warning, "log lines were dropped: nobody read them");
    add_field(told, "lines", std::to_string(dropped));
    append_line(lines_, told.view());
  }
  return !lines_.empty();
}

// A failing log stops nothing: what cannot be written is left out.
void LogWriter::write_lines() {
  for (std::string_view rest = lines_; !rest.empty();) {
    if (!wait_for_reader()) return;
    const auto written = ::write(descriptor_, rest.data(), whole_lines(rest, piece_bytes_));
    if (written < 0 && errno != EAGAIN && errno != EINTR) return;
    if (written < 0) std::this_thread::sleep_for(gather_time);
    rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
}

bool LogWriter::wait_for_reader() {
  while (true) {
    pollfd ready{descriptor_, POLLOUT, 0};
    if (::poll(&ready, 1, static_cast<int>(look_period / 1ms)) > 0) return ready.revents == POLLOUT;
    if (!stops_) continue;
    if (stop_until_ == Clock::time_point{}) stop_until_ = Clock::now() + last_wait;
    if (Clock::now() >= stop_until_) return false;
  }
}

void LogWriter::rest() {
  rests_ = 1;
  // A record that was pushed before this thread was seen to rest wakes nobody.
  if (ring_.pushed() == ring_.taken() && !stops_) rests_.wait(1);
  rests_ = 0;
  if (!stops_) std::this_thread::sleep_for(gather_time);  // for the rest of a burst
}

}  // namespace revoked::net
