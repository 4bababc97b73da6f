#include "tools/load/http_pipe.hpp"

#include <strings.h>

#include <charconv>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace revoked::load {
namespace {

constexpr std::size_t buffer_size = 64 * 1024;

bool begins_with(std::string_view line, std::string_view name) {
  return line.size() >= name.size() && ::strncasecmp(line.data(), name.data(), name.size()) == 0;
}

}  // namespace

std::optional<AnswerHead> parse_answer_head(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return {};
  AnswerHead answer;
  answer.size = end + 4;
  if (!bytes.starts_with("HTTP/1.1 ") ||
      std::from_chars(bytes.data() + 9, bytes.data() + 12, answer.status).ptr != bytes.data() + 12) {
    throw std::runtime_error("a response is not HTTP/1.1");
  }
  constexpr std::string_view content_length = "content-length:";
  for (auto at = bytes.find('\n'); at < end; at = bytes.find('\n', at + 1)) {
    auto line = bytes.substr(at + 1, end - at - 1);
    // Most headers are excluded by their first letter.
    if (line.empty() || ((line.front() | 0x20) != 'c' && (line.front() | 0x20) != 't')) continue;
    if (begins_with(line, "transfer-encoding:")) throw std::runtime_error("a response is chunked");
    if (!begins_with(line, content_length)) continue;
    line.remove_prefix(content_length.size());
    while (line.starts_with(' ')) line.remove_prefix(1);
    std::from_chars(line.data(), line.data() + line.size(), answer.body_size);
  }
  return answer;
}

HttpPipe::HttpPipe(const Url& url) : socket_(Socket::connect(url)), received_(buffer_size, '\0') {
  socket_.set_nonblocking();
}

void HttpPipe::flush() {
  while (sent_ < unsent_.size()) {
    const auto count = socket_.send_some(std::string_view(unsent_).substr(sent_));
    if (count == 0) return;
    sent_ += count;
  }
  unsent_.clear();
  sent_ = 0;
}

bool HttpPipe::read_more() {
  if (std::exchange(drained_, false)) return false;
  const std::span<char> room(received_.data() + received_size_, received_.size() - received_size_);
  if (room.empty()) throw std::runtime_error("a response is larger than 64 KiB");
  const auto count = socket_.receive_some(room);
  received_size_ += count;
  drained_ = count < room.size() && !socket_.is_encrypted();  // TLS returns a record at a time
  if (count == 0) drained_ = false;
  return count > 0;
}

std::optional<AnswerHead> HttpPipe::next(std::size_t from) const {
  const std::string_view there(received_.data() + from, received_size_ - from);
  auto answer = parse_answer_head(there);
  if (answer && answer->size + answer->body_size > there.size()) answer.reset();
  return answer;
}

void HttpPipe::drop(std::size_t count) {
  received_size_ -= count;
  std::memmove(received_.data(), received_.data() + count, received_size_);
}

}  // namespace revoked::load
