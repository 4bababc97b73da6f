#include "engine/base/process_usage.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace revoked::engine {
namespace {

// Of a file that the kernel makes up as it is read. Empty if there is none.
std::string read_small_file(const char* path) {
  std::string text(4096, '\0');
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const auto size = ::read(file, text.data(), text.size());
  ::close(file);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The fields of /proc/self/stat after the name of the program, which is in parentheses and may contain
// anything: the third field and all that follow (proc(5)).
std::vector<std::uint64_t> fields_of(std::string_view stat) {
  std::vector<std::uint64_t> fields;
  const auto name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return fields;
  stat.remove_prefix(name_end + 1);
  while (!stat.empty()) {
    const auto start = stat.find_first_not_of(" \n");
    if (start == std::string_view::npos) break;
    stat.remove_prefix(start);
    const auto size = std::min(stat.find_first_of(" \n"), stat.size());
    fields.push_back(number_of(stat.substr(0, size)));
    stat.remove_prefix(size);
  }
  return fields;
}

// The wall clock when the system started, in seconds; 0: unknown.
double boot_time() {
  static const double seconds = [] {
    timespec wall{};
    timespec since_boot{};
    if (::clock_gettime(CLOCK_REALTIME, &wall) != 0 || ::clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0)
      return 0.0;
    return static_cast<double>(wall.tv_sec - since_boot.tv_sec) +
           static_cast<double>(wall.tv_nsec - since_boot.tv_nsec) / 1e9;
  }();
  return seconds;
}

std::uint64_t count_entries(const char* path) {
  auto* const directory = ::opendir(path);
  if (directory == nullptr) return 0;
  std::uint64_t count = 0;
  while (::readdir(directory) != nullptr) ++count;  // NOLINT(concurrency-mt-unsafe): a stream of its own
  ::closedir(directory);
  return count - 3;  // "." and "..", and the descriptor of the directory
}

}  // namespace

std::uint64_t ProcessUsage::open_descriptors() {
  struct stat status {};
  // Linux 6.2 and later give the number as the size.
  if (::stat("/proc/self/fd", &status) == 0 && status.st_size > 0)
    return static_cast<std::uint64_t>(status.st_size);
  const auto now = Clock::now().time_since_epoch().count();
  auto due = count_again_.load();
  constexpr auto period = Clock::duration(std::chrono::seconds(1)).count();
  if (now >= due && count_again_.compare_exchange_strong(due, now + period))
    counted_ = count_entries("/proc/self/fd");
  return counted_;
}

void ProcessUsage::write(MetricsWriter& out) {
  // Of the fields after the second: see proc(5).
  constexpr std::size_t user_time = 11;
  constexpr std::size_t system_time = 12;
  constexpr std::size_t threads = 17;
  constexpr std::size_t start_time = 19;
  constexpr std::size_t virtual_bytes = 20;
  constexpr std::size_t resident_pages = 21;
  const auto stat = fields_of(read_small_file("/proc/self/stat"));
  if (stat.size() > resident_pages) {
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    out.counter("process_cpu_seconds_total", "User and system CPU time.")
        .sample(static_cast<double>(stat[user_time] + stat[system_time]) / ticks);
    out.gauge("process_start_time_seconds", "When the process started, as seconds since 1970.")
        .sample(boot_time() + static_cast<double>(stat[start_time]) / ticks);
    out.gauge("process_virtual_memory_bytes", "Address space in use.").sample(stat[virtual_bytes]);
    out.gauge("process_resident_memory_bytes", "Memory in use.")
        .sample(stat[resident_pages] * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    out.gauge("process_threads", "Threads of the process.").sample(stat[threads]);
  }
  out.gauge("process_open_fds", "Open descriptors: files, and connections.").sample(open_descriptors());
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    out.gauge("process_max_fds", "Maximum of open descriptors.").sample(std::uint64_t{limit.rlim_cur});
}

}  // namespace revoked::engine
