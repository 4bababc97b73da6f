#pragma once
// Fault injection with strace(1): it kills a program at its Nth system call of a kind, or makes calls fail or
// take long. It counts calls for each thread and kind. The traced program stays the child of the test:
// signals and exit codes are its own.

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

// Whether strace is installed and may trace.
bool can_trace();
inline constexpr std::string_view why_not_traced = "strace is missing, or tracing is not permitted here";

// The strace options of a command: `calls` are names of system calls, separated by commas.
struct Strace {
  std::string calls;
  std::string injection{};           // what follows "-e inject=CALLS:"; empty: only traces
  std::vector<std::string> paths{};  // only calls on one of these; none: all
  std::filesystem::path output{};    // the trace, with paths; empty: none is written

  std::vector<std::string> command() const;             // put before the program
  std::vector<std::string> command_for(int pid) const;  // attaches to a running program; ends with it
};

// Attached to a running program until it is destroyed.
class AttachedStrace {
 public:
  AttachedStrace(const Strace& strace, int pid);  // returns when it traces

 private:
  TemporaryDirectory directory_;
  Process process_;
};

// A call's name, and its number among the calls of its thread.
using CallPoint = std::pair<std::string, int>;

// The calls of an output on files in `directory`.
std::set<CallPoint> calls_within(const std::filesystem::path& output, const std::filesystem::path& directory);

}  // namespace revoked::test
