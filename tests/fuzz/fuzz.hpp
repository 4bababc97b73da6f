#pragma once
// Shared by the fuzz targets. A target is one file `NAME_fuzz.cpp` with one FUZZ_TARGET(NAME) in a namespace
// of its own: in the preset `fuzz`, libFuzzer calls it, in the preset `asan` replay.cpp with the stored
// corpus. Targets keep no state between inputs that could change the result, so that an input alone
// reproduces a finding.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Checks a property; a violation crashes the target.
#define REQUIRE(...)                                                             \
  do {                                                                           \
    if (!(__VA_ARGS__)) ::revoked::fuzz::fail(#__VA_ARGS__, __FILE__, __LINE__); \
  } while (false)

namespace revoked::fuzz {

[[noreturn]] inline void fail(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
  std::abort();
}

// Of a program that replays the corpus.
struct Target {
  std::string_view name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};
inline std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

// In memory of exactly that size, so that a sanitizer detects reads past the end.
class Exact {
 public:
  explicit Exact(std::string_view text)
      : size_(text.size()), bytes_(static_cast<char*>(std::malloc(text.empty() ? 1 : text.size()))) {
    text.copy(bytes_, size_);
  }
  ~Exact() { std::free(bytes_); }
  Exact(const Exact&) = delete;
  Exact& operator=(const Exact&) = delete;
  std::string_view view() const { return {bytes_, size_}; }

 private:
  std::size_t size_;
  char* bytes_;
};

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Removes and returns everything up to the next newline, and drops the newline.
inline std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return line;
}

// Removes and returns a byte; 0 when none is left.
inline std::uint8_t take_byte(std::string_view& text) {
  if (text.empty()) return 0;
  const auto byte = static_cast<std::uint8_t>(text.front());
  text.remove_prefix(1);
  return byte;
}

}  // namespace revoked::fuzz

// Defines a target: a function of `data` and `size` that returns 0.
#ifdef REVOKED_FUZZ_REPLAY
#define FUZZ_TARGET(name)                                                            \
  int run(const std::uint8_t* data, std::size_t size);                               \
  const bool is_known = (::revoked::fuzz::targets().push_back({#name, &run}), true); \
  int run(const std::uint8_t* data, std::size_t size)
#else
#define FUZZ_TARGET(name) extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
#endif
