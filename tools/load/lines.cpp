#include "tools/load/lines.hpp"

#include <charconv>
#include <cstdio>
#include <stdexcept>

#include "tools/load/http_pipe.hpp"

namespace revoked::load {
namespace {

constexpr std::size_t piece_size = 256 * 1024;

template <class OnPiece>
void for_each_piece(const Lines& lines, const OnPiece& on_piece) {
  const Template line(lines.line);
  std::string piece;
  piece.reserve(piece_size * 2);
  for (std::uint64_t i = 0; i < lines.count; ++i) {
    line.expand(lines.first + i, piece);
    if (piece.size() < piece_size && i + 1 < lines.count) continue;
    on_piece(piece);
    piece.clear();
  }
}

}  // namespace

void print_lines(const Lines& lines) {
  for_each_piece(lines, [](const std::string& piece) {
    if (std::fwrite(piece.data(), 1, piece.size(), stdout) != piece.size()) {
      throw std::runtime_error("cannot write the lines");
    }
  });
  if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write the lines");
}

BodyAnswer send_lines(const Url& url, const Request::Options& request, const Lines& lines) {
  auto options = request;
  options.body.clear();
  options.headers.emplace_back("Transfer-Encoding: chunked");
  std::string head;
  Request(url, options).append(0, head);

  auto socket = Socket::connect(url);
  const auto began = Clock::now();
  socket.send_all(head);
  for_each_piece(lines, [&](const std::string& piece) {
    char size[16];
    const auto end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
    socket.send_all(std::string(size, end) + "\r\n");
    socket.send_all(piece);
    socket.send_all("\r\n");
  });
  socket.send_all("0\r\n\r\n");

  std::string received(1 << 20, '\0');
  std::size_t size = 0;
  std::optional<AnswerHead> answer;
  while (!answer || size < answer->size + answer->body_size) {
    size += socket.receive_some(std::span(received).subspan(size));
    answer = parse_answer_head(std::string_view(received).substr(0, size));
  }
  return {answer->status, received.substr(answer->size, answer->body_size),
          std::chrono::duration<double>(Clock::now() - began).count()};
}

}  // namespace revoked::load
