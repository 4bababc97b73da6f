#include "tests/support/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

namespace revoked::test {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (auto& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

int milliseconds_left(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

}  // namespace

Process::Process(Options options) : options_(std::move(options)) {
  // Everything is prepared before the fork: between fork and exec nothing may allocate or lock.
  std::vector<std::string> environment = options_.environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  auto argv = pointers(options_.command);
  auto envp = pointers(environment);
  const std::string log = options_.log.empty() ? "/dev/null" : options_.log.string();
  const std::string directory = options_.directory.string();

  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) fail("pipe");
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    if (options_.own_group) ::setpgid(0, 0);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_DFL);
    const int in = ::open("/dev/null", O_RDONLY);
    const int error = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (in < 0 || error < 0 || ::dup2(in, 0) < 0 || ::dup2(pipe_ends[1], 1) < 0 || ::dup2(error, 2) < 0) {
      ::_exit(127);
    }
    if (options_.file_size_limit_bytes) {
      const rlimit limit{*options_.file_size_limit_bytes, *options_.file_size_limit_bytes};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      ::signal(SIGXFSZ, SIG_IGN);  // so that writes fail instead
    }
    if (!directory.empty() && ::chdir(directory.c_str()) != 0) ::_exit(127);
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  output_ = pipe_ends[0];
  if (options_.own_group) ::setpgid(pid_, pid_);
}

void await_stop(pid_t child) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WEXITED | WNOWAIT) < 0 &&
         errno == EINTR) {
  }
}

Process::~Process() {
  if (!exit_code_) {
    signal(SIGKILL);
    signal(SIGCONT);
    wait(std::chrono::seconds(30));
  }
  ::close(output_);
  report_sanitizer_findings();
}

bool Process::read_more(Clock::time_point deadline) {
  pollfd ready{output_, POLLIN, 0};
  if (::poll(&ready, 1, milliseconds_left(deadline)) <= 0) return false;
  char buffer[4096];
  const ssize_t size = ::read(output_, buffer, sizeof buffer);
  if (size <= 0) return false;
  unread_.append(buffer, static_cast<std::size_t>(size));
  return true;
}

std::optional<std::string> Process::wait_for_line(std::string_view prefix, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    for (auto end = unread_.find('\n'); end != std::string::npos; end = unread_.find('\n')) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      if (line.starts_with(prefix)) return line;
    }
    if (!read_more(deadline)) return std::nullopt;
  }
}

std::string Process::read_output(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  while (read_more(deadline)) {
  }
  return std::exchange(unread_, {});
}

void Process::signal(int number) {
  if (exit_code_ || pid_ <= 0) return;
  ::kill(options_.own_group ? -pid_ : pid_, number);
  if (number == SIGSTOP) await_stop(pid_);
}

std::optional<int> Process::wait(std::chrono::milliseconds limit) {
  if (exit_code_) return exit_code_;
  const auto deadline = Clock::now() + limit;
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (handle >= 0) {
    pollfd ended{handle, POLLIN, 0};
    while (::poll(&ended, 1, milliseconds_left(deadline)) < 0 && errno == EINTR) {
    }
    ::close(handle);
  }
  int status = 0;
  // A traced process is reaped by its tracer first, and here soon after.
  while (::waitpid(pid_, &status, WNOHANG) != pid_) {
    if (Clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_;
}

std::size_t Process::resident_bytes() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/statm");
  std::size_t pages = 0;
  std::size_t resident_pages = 0;
  file >> pages >> resident_pages;
  return resident_pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::string Process::log_text() const { return options_.log.empty() ? "" : read_file(options_.log); }

std::string Process::description() const {
  std::string out;
  for (const auto& word : options_.command) out += (out.empty() ? "" : " ") + word;
  out += exit_code_ ? "\n  ended with " + std::to_string(*exit_code_) : "\n  has not ended";
  const std::string log = log_text();
  constexpr std::size_t shown = 4000;
  return out + "\n  log:\n" + (log.size() > shown ? "…" + log.substr(log.size() - shown) : log);
}

void Process::report_sanitizer_findings() const {
  const std::string log = log_text();
  for (std::string_view mark :
       {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error: "}) {
    if (const auto at = log.find(mark); at != std::string::npos) {
      ADD_FAILURE() << options_.command[0] << ": " << log.substr(at, 8000);
      return;
    }
  }
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace revoked::test
