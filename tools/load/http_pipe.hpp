#pragma once
// One keep-alive HTTP/1.1 connection with pipelining; parses only the status and the size of responses. Not
// thread-safe.

#include <optional>
#include <string>
#include <string_view>

#include "tools/load/socket.hpp"

namespace revoked::load {

// A parsed response head.
struct AnswerHead {
  int status = 0;
  std::size_t size = 0;       // of the head
  std::size_t body_size = 0;  // 0 without Content-Length
};
// Empty if the head is incomplete. Throws std::runtime_error if it is not HTTP/1.1 or the body's length is
// unknown.
std::optional<AnswerHead> parse_answer_head(std::string_view bytes);

class HttpPipe {
 public:
  explicit HttpPipe(const Url& url);

  const Socket& socket() const { return socket_; }
  std::string& unsent() { return unsent_; }  // append requests here, then flush()
  void flush();

  // Reads available bytes and calls on_answer(status) for each complete response.
  template <class OnAnswer>
  void receive(OnAnswer&& on_answer) {
    while (read_more()) {
      std::size_t taken = 0;
      while (const auto answer = next(taken)) {
        taken += answer->size + answer->body_size;
        on_answer(answer->status);
      }
      drop(taken);
    }
  }

 private:
  bool read_more();  // false once it would block
  std::optional<AnswerHead> next(std::size_t from) const;
  void drop(std::size_t count);

  Socket socket_;
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
  std::string received_;
  std::size_t received_size_ = 0;
  bool drained_ = false;  // the last read emptied the socket
};

}  // namespace revoked::load
