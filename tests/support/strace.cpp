#include "tests/support/strace.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "tests/support/eventually.hpp"

namespace revoked::test {
namespace {

std::vector<std::string> options_of(const Strace& strace) {
  const auto calls = strace.calls;
  std::vector<std::string> out{"-f", "-e", "trace=" + calls, "-e", "signal=none"};
  if (!strace.injection.empty()) out.insert(out.end(), {"-e", "inject=" + calls + ":" + strace.injection});
  for (const auto& path : strace.paths) out.insert(out.end(), {"-P", path});
  const bool shows = !strace.output.empty();
  out.insert(out.end(), {"-o", shows ? strace.output.string() : "/dev/null"});
  if (shows) out.emplace_back("-y");
  return out;
}

}  // namespace

bool can_trace() {
  static const bool can = [] {
    auto command = Strace{"write", "signal=KILL:when=1"}.command();
    command.insert(command.end(), {"echo", "traced"});
    Process process({.command = std::move(command)});
    return process.wait(std::chrono::seconds(20)) == 128 + 9;
  }();
  return can;
}

std::vector<std::string> Strace::command() const {
  std::vector<std::string> out{"strace", "-D", "-qq"};
  const auto options = options_of(*this);
  out.insert(out.end(), options.begin(), options.end());
  return out;
}

std::vector<std::string> Strace::command_for(int pid) const {
  std::vector<std::string> out{"strace", "-p", std::to_string(pid)};
  const auto options = options_of(*this);
  out.insert(out.end(), options.begin(), options.end());
  return out;
}

AttachedStrace::AttachedStrace(const Strace& strace, int pid)
    : process_({.command = strace.command_for(pid), .log = directory_ / "log"}) {
  EXPECT_TRUE(eventually([&] { return process_.log_text().find(" attached") != std::string::npos; }))
      << process_.description();
}

// A line is "PID name(arguments) = result"; a continuation has no name.
std::set<CallPoint> calls_within(const std::filesystem::path& output,
                                 const std::filesystem::path& directory) {
  std::set<CallPoint> points;
  std::map<CallPoint, int> counts;  // by name and thread
  std::ifstream in(output);
  for (std::string line; std::getline(in, line);) {
    const auto name_at = line.find_first_not_of(' ', line.find(' '));
    const auto name_end = line.find('(');
    if (name_at == line.npos || name_end == line.npos || name_end < name_at) continue;
    const auto name = line.substr(name_at, name_end - name_at);
    if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != name.npos) continue;
    const auto number = ++counts[{name, std::stoi(line)}];
    if (line.find(directory.string()) != line.npos) points.insert({name, number});
  }
  return points;
}

}  // namespace revoked::test
