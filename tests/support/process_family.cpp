#include "tests/support/process_family.hpp"

#include <signal.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "tests/support/eventually.hpp"

namespace revoked::test {
namespace {

struct Status {
  char state = '\0';
  pid_t parent = 0;
};

// /proc/PID/stat: "pid (name) state parent …", and the name may contain spaces and brackets.
std::optional<Status> status_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  Status status;
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 4 > text.size()) return std::nullopt;
  status.state = text[name_end + 2];
  status.parent = std::stoi(text.substr(name_end + 4));
  return status;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto pid = static_cast<pid_t>(std::stoi(name));
    if (const auto status = status_of(pid); status && status->parent == parent) children.push_back(pid);
  }
  return children;
}

// Until it is, it may start another process.
bool is_stopped(pid_t pid) {
  const auto status = status_of(pid);
  return !status || status->state == 'T' || status->state == 't' || status->state == 'Z' ||
         status->state == 'X';
}

}  // namespace

bool has_ended(pid_t pid) {
  const auto status = status_of(pid);
  return !status || status->state == 'Z' || status->state == 'X';
}

std::vector<pid_t> stop_family(pid_t parent) {
  std::vector<pid_t> family{parent};
  for (std::size_t i = 0; i < family.size(); ++i) {
    const auto pid = family[i];
    ::kill(pid, SIGSTOP);
    eventually([pid] { return is_stopped(pid); });
    const auto children = children_of(pid);
    family.insert(family.end(), children.begin(), children.end());
  }
  return family;
}

}  // namespace revoked::test
