#pragma once
// One HTTP/1.1 connection of a client: connect, send a request, read the answer, each until a deadline. Used
// by coroutines of one io_context, one at a time; they hold it by shared_ptr, so that closing it from outside
// makes them end without touching freed memory.

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cache/wire/asio.hpp"
#include "cache/wire/endpoint.hpp"
#include "engine/base/error.hpp"

namespace revoked::cache {

struct HttpResponse {
  unsigned status = 0;
  std::string body;
};

class HttpConnection {
 public:
  using Pointer = std::shared_ptr<HttpConnection>;
  using Deadline = std::chrono::steady_clock::time_point;
  using StreamParser = boost::beast::http::response_parser<boost::beast::http::buffer_body>;

  explicit HttpConnection(asio::io_context& io);

  // Every operation that waits on this connection fails now, and so does every later one.
  void close();

  bool is_open() const { return !closed_ && socket_.is_open(); }
  // An answer has been read, nothing came behind it, and another request may follow. What can be read before
  // a request is sent (an end, a 408, an answer that nobody asked for) would be taken for its answer: RFC
  // 9112, section 9. (The peer may close it at any moment all the same.)
  bool is_reusable();
  // Nothing of an answer has come since the last send().
  bool heard_nothing() const { return heard_bytes_ == 0; }

  // Tries the addresses behind `names` in turn; each gets its share of the time. errc::timed_out,
  // unavailable.
  static Task<engine::result<void>> connect(Pointer self, std::shared_ptr<NameLookup> names,
                                            Deadline deadline);

  // `request` is the whole request as bytes. errc::timed_out, unavailable, malformed (an answer that is not
  // HTTP, or larger than `body_limit`). After an error the connection is closed.
  static Task<engine::result<HttpResponse>> exchange(Pointer self, std::shared_ptr<const std::string> request,
                                                     std::size_t body_limit, Deadline deadline);

  // The same in two steps, for several requests in a row: all are sent, then their answers received in order.
  static Task<engine::result<void>> send(Pointer self, std::shared_ptr<const std::string> requests,
                                         Deadline deadline);
  static Task<engine::result<HttpResponse>> receive(Pointer self, bool is_last, std::size_t body_limit,
                                                    Deadline deadline);

  // The same in pieces, for an answer without end: its head, then its body as it comes.
  using StreamParserPointer = std::shared_ptr<StreamParser>;
  static Task<engine::result<StreamParserPointer>> open_stream(Pointer self,
                                                               std::shared_ptr<const std::string> request,
                                                               Deadline deadline);
  // The next bytes of the body, into `chunk`: how many. 0: the end.
  static Task<engine::result<std::size_t>> read_stream(Pointer self, StreamParserPointer parser,
                                                       asio::mutable_buffer chunk, Deadline deadline);

 private:
  void arm(const Pointer& self, Deadline deadline);
  void disarm();
  boost::system::error_code failure(boost::system::error_code error);
  boost::system::error_code not_an_answer();

  asio::io_context& io_;
  Socket socket_;
  Timer deadline_;
  Timer wake_;
  boost::beast::flat_buffer buffer_;
  std::uint64_t turn_ = 0;  // a deadline of an earlier turn that is on its way counts no more
  std::size_t heard_bytes_ = 0;
  bool closed_ = false;
  bool timed_out_ = false;
  bool reusable_ = false;
};

}  // namespace revoked::cache
