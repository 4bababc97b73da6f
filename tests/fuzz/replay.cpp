// Calls a target with every file of the stored corpus, without Clang and libFuzzer: fuzz_replay TARGET
// PATH..., where a path is a file or a directory.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

namespace {

std::vector<std::filesystem::path> files_in(const std::filesystem::path& path) {
  if (!is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int count, char** arguments) {
  const auto& targets = revoked::fuzz::targets();
  const auto target =
      std::ranges::find_if(targets, [&](const auto& each) { return count > 2 && each.name == arguments[1]; });
  if (target == targets.end()) {
    std::fputs("usage: fuzz_replay TARGET PATH...; the targets are", stderr);
    for (const auto& each : targets) std::fprintf(stderr, " %s", each.name.data());
    std::fputs("\n", stderr);
    return 2;
  }
  std::size_t inputs = 0;
  for (int i = 2; i < count; ++i) {
    for (const auto& file : files_in(arguments[i])) {
      std::ifstream in(file, std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      if (!in) {
        std::fprintf(stderr, "fuzz_replay: %s cannot be read\n", file.c_str());
        return 2;
      }
      std::fprintf(stderr, "%s\n", file.c_str());  // the last file printed is the failing one
      target->run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      ++inputs;
    }
  }
  std::fprintf(stderr, "fuzz_replay: %zu inputs\n", inputs);
  return inputs == 0 ? 1 : 0;  // a missing corpus is an error
}
