#pragma once
// What a command reads: a file, or standard input if its name is "-". Throws ConfigurationError if it cannot.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace revoked::ctl {

class Input {
 public:
  explicit Input(const std::string& path);
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  std::uint64_t size() const { return size_; }  // 0: not known
  // Empty at the end. Valid until the next call.
  std::string_view next_piece();
  std::string rest();

 private:
  static constexpr std::size_t piece_bytes = 256 << 10;

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::string piece_;
};

// Lines without line ends and white space around them; empty ones are left out.
std::vector<std::string_view> lines_of(std::string_view text);

// The secrets in a file, one a line; without a file a prompt asks for one. At least one.
std::vector<std::string> read_secrets(const std::string& path);

}  // namespace revoked::ctl
