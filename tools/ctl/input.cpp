#include "tools/ctl/input.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "net/http/json_reader.hpp"
#include "tools/ctl/terminal.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

[[noreturn]] void fail(const std::string& path) {
  throw tools::ConfigurationError("cannot read " + path + ": " + std::generic_category().message(errno));
}

}  // namespace

Input::Input(const std::string& path)
    : path_(path), descriptor_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) fail(path);
  struct stat status {};
  if (::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode))
    size_ = static_cast<std::uint64_t>(status.st_size);
}

Input::~Input() {
  if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

std::string_view Input::next_piece() {
  piece_.resize(piece_bytes);
  const auto size = ::read(descriptor_, piece_.data(), piece_.size());
  if (size < 0) fail(path_);
  return std::string_view(piece_).substr(0, static_cast<std::size_t>(size));
}

std::string Input::rest() {
  std::string text;
  for (auto piece = next_piece(); !piece.empty(); piece = next_piece()) text.append(piece);
  return text;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  constexpr std::string_view white = " \t\r";
  std::vector<std::string_view> lines;
  text = net::without_bom(text);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto first = line.find_first_not_of(white);
    if (first == line.npos) continue;
    line = line.substr(first, line.find_last_not_of(white) + 1 - first);
    lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> read_secrets(const std::string& path) {
  const auto text = path.empty() ? read_hidden_line("Secret: ") : Input(path).rest();
  const auto lines = lines_of(text);
  if (lines.empty()) throw tools::ConfigurationError("--secret-file: there is no secret in it");
  return {lines.begin(), lines.end()};
}

}  // namespace revoked::ctl
