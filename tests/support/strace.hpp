#pragma once
// strace(1) as what makes faults: it kills a program at its Nth system call of a kind, or has calls fail or
// take long. It counts a thread's calls, of each kind by themselves. The traced program stays our own child:
// signals and exit codes are its own.

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace revoked::test {

// Whether strace is there and may trace.
bool can_trace();
inline constexpr std::string_view why_not_traced = "strace is missing, or tracing is not permitted here";

// What a command runs under: `calls` as strace names them, separated by commas.
struct Strace {
  std::string calls;
  std::string injection{};           // as behind -e inject=CALLS: of strace; empty: only looks
  std::vector<std::string> paths{};  // only calls that concern one of these; none: all
  std::filesystem::path output{};    // what was called, with the paths; empty: nothing is written

  std::vector<std::string> command() const;             // to stand before the program
  std::vector<std::string> command_for(int pid) const;  // attaches to one that runs; ends with it
};

// A call's name and its number among those of its thread.
using CallPoint = std::pair<std::string, int>;

// Those of an output that concern something in `directory`.
std::set<CallPoint> calls_within(const std::filesystem::path& output, const std::filesystem::path& directory);

}  // namespace revoked::test
