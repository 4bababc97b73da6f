// Calls a target with every file of the stored corpus, without Clang and libFuzzer: fuzz_replay TARGET
// PATH..., where a path is a file or a directory. Each target's function is renamed to fuzz_TARGET.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#define TARGET(name) extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
REVOKED_FUZZ_TARGETS
#undef TARGET

namespace {

struct Target {
  std::string_view name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};
constexpr Target targets[] = {
#define TARGET(name) {#name, fuzz_##name},
    REVOKED_FUZZ_TARGETS
#undef TARGET
};

std::vector<std::filesystem::path> files_in(const std::filesystem::path& path) {
  if (!is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int count, char** arguments) {
  const auto* const target = std::find_if(std::begin(targets), std::end(targets), [&](const Target& each) {
    return count > 2 && each.name == arguments[1];
  });
  if (target == std::end(targets)) {
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
