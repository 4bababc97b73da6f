#pragma once
// One HTTP/1.1 client connection, over TLS if the origin is encrypted: connect, send a request, read the
// response, each with a deadline. Used by coroutines of one io_context, one at a time; they hold it by
// shared_ptr, so that close() ends them without touching freed memory.

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cache/wire/asio.hpp"
#include "cache/wire/http_origin.hpp"
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
  ~HttpConnection();

  // Every pending operation on this connection fails, and so does every later one.
  void close();

  bool is_open() const { return !closed_ && socket_.is_open(); }
  // A response has been read, no bytes follow it, and another request may be sent. Bytes received before a
  // request is sent (end of stream, a 408, an unsolicited response) would be taken for its response: RFC
  // 9112, section 9. The peer may still close the connection at any time.
  bool is_reusable();
  // No byte of a response has arrived since the last send() or open_stream().
  bool has_received_nothing() const { return received_bytes_ == 0; }

  // Tries the addresses of the origin in turn; each gets its share of the time. errc::timed_out, unavailable,
  // or what was wrong with the TLS handshake.
  static Task<engine::result<void>> connect(Pointer self, std::shared_ptr<HttpOrigin> origin,
                                            Deadline deadline);

  // `request` is the whole request as bytes. errc::timed_out, unavailable, malformed (a response that is not
  // HTTP, or larger than `body_limit`). After an error the connection is closed.
  static Task<engine::result<HttpResponse>> exchange(Pointer self, std::shared_ptr<const std::string> request,
                                                     std::size_t body_limit, Deadline deadline);

  // The same in two steps, for pipelining: send all requests, then receive their responses in order.
  static Task<engine::result<void>> send(Pointer self, std::shared_ptr<const std::string> requests,
                                         Deadline deadline);
  static Task<engine::result<HttpResponse>> receive(Pointer self, bool is_last, std::size_t body_limit,
                                                    Deadline deadline);

  // The same for a response whose body is long, or has no end: its head, then its body in chunks.
  using StreamParserPointer = std::shared_ptr<StreamParser>;
  static Task<engine::result<StreamParserPointer>> open_stream(Pointer self,
                                                               std::shared_ptr<const std::string> request,
                                                               Deadline deadline);
  // Reads the next bytes of the body into `chunk`; returns their number. 0: end of stream.
  static Task<engine::result<std::size_t>> read_stream(Pointer self, StreamParserPointer parser,
                                                       asio::mutable_buffer chunk, Deadline deadline);

 private:
  struct Stream;

  static Task<error_code> shake_hands(Pointer self, std::shared_ptr<HttpOrigin> origin);
  void arm(const Pointer& self, Deadline deadline);
  void disarm();
  boost::system::error_code failure(boost::system::error_code error);
  boost::system::error_code not_an_answer();

  asio::io_context& io_;
  Socket socket_;
  std::unique_ptr<Stream> stream_;  // over the socket
  Timer deadline_;
  Timer wake_;
  boost::beast::flat_buffer buffer_;
  std::uint64_t turn_ = 0;  // a pending deadline of an earlier turn is ignored
  std::size_t received_bytes_ = 0;
  bool closed_ = false;
  bool timed_out_ = false;
  bool reusable_ = false;
};

}  // namespace revoked::cache
