#include "cache/wire/http_connection.hpp"

#include <sys/socket.h>

#include <openssl/ssl.h>

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

namespace revoked::cache {

namespace http = boost::beast::http;
using engine::errc;

namespace {

constexpr std::size_t buffer_limit = 64 << 10;
constexpr std::uint32_t header_limit = 16 << 10;
constexpr int max_interim_answers = 16;  // before one final response

struct Found {
  bool done = false;
  error_code error;
  TcpEndpoints endpoints;
};

bool is_peers_fault(error_code error) {
  return error.category() == http::make_error_code(http::error::bad_version).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

// A response of status 1xx precedes the final one (RFC 9110, section 15.2). We never request a protocol
// switch, so 101 is not interim.
bool is_interim(unsigned status) { return status >= 100 && status < 200 && status != 101; }

}  // namespace

// What requests are written to and responses read from, as Asio's and Beast's functions want it: the socket,
// or TLS over it.
struct HttpConnection::Stream {
  using executor_type = Executor;

  explicit Stream(Socket& socket_) : socket(socket_) {}

  executor_type get_executor() { return socket.get_executor(); }

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    if (tls) return tls->async_read_some(buffers, std::forward<Handler>(handler));
    return socket.async_read_some(buffers, std::forward<Handler>(handler));
  }

  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls) return tls->async_write_some(buffers, std::forward<Handler>(handler));
    return socket.async_write_some(buffers, std::forward<Handler>(handler));
  }

  // Received from the socket, but not read.
  bool has_unread() {
    if (!tls) return false;
    auto* const connection = tls->native_handle();
    return SSL_has_pending(connection) == 1 || BIO_ctrl_pending(SSL_get_rbio(connection)) != 0;
  }

  Socket& socket;
  std::shared_ptr<TlsClient> client;                // of `tls`
  std::unique_ptr<asio::ssl::stream<Socket&>> tls;  // null: not encrypted
};

HttpConnection::HttpConnection(asio::io_context& io)
    : io_(io),
      socket_(io),
      stream_(std::make_unique<Stream>(socket_)),
      deadline_(io),
      wake_(io),
      buffer_(buffer_limit) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::close() {
  closed_ = true;
  disarm();
  wake_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

bool HttpConnection::is_reusable() {
  if (!is_open() || !reusable_) return false;
  char byte;
  const auto size = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  reusable_ = size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  if (stream_->has_unread()) reusable_ = false;
  return reusable_;
}

void HttpConnection::arm(const Pointer& self, Deadline deadline) {
  deadline_.expires_at(deadline);
  deadline_.async_wait([self, turn = ++turn_](error_code error) {
    if (error || turn != self->turn_) return;
    self->timed_out_ = true;
    error_code ignored;
    self->socket_.close(ignored);
  });
}

void HttpConnection::disarm() {
  ++turn_;
  deadline_.cancel();
}

// The error returned to callers. Closes the connection.
error_code HttpConnection::failure(error_code error) {
  close();
  if (timed_out_) return errc::timed_out;
  if (error.category() == asio::error::get_ssl_category()) return error;  // an alert says why
  return is_peers_fault(error) ? errc::malformed : errc::unavailable;
}

error_code HttpConnection::not_an_answer() {
  close();
  return errc::malformed;
}

Task<error_code> HttpConnection::shake_hands(Pointer self, std::shared_ptr<HttpOrigin> origin) {
  if (!origin->tls) co_return error_code();
  self->stream_->client = origin->tls;
  auto connection = origin->tls->connection_to(origin->host);
  auto& tls = self->stream_->tls;
  tls = std::make_unique<asio::ssl::stream<Socket&>>(self->socket_, connection.release());
  const auto [error] = co_await tls->async_handshake(asio::ssl::stream_base::client, as_result);
  co_return error ? tls_error(*tls->native_handle(), error) : error;
}

Task<engine::result<void>> HttpConnection::connect(Pointer self, std::shared_ptr<HttpOrigin> origin,
                                                   Deadline deadline) {
  const auto found = std::make_shared<Found>();
  origin->addresses.find([self, found](error_code error, const TcpEndpoints& endpoints) {
    found->error = error;
    found->endpoints = endpoints;
    found->done = true;
    self->wake_.cancel();
  });
  if (!found->done) {
    self->wake_.expires_at(deadline);
    [[maybe_unused]] auto [cancelled] = co_await self->wake_.async_wait(as_result);
  }
  if (self->closed_) co_return errc::unavailable;
  if (!found->done) co_return errc::timed_out;
  if (found->error) co_return errc::unavailable;

  std::size_t left = found->endpoints.size();
  error_code refused;  // by TLS
  for (const auto& endpoint : found->endpoints) {
    const auto now = std::chrono::steady_clock::now();
    error_code failed;
    Socket socket(self->io_);
    open_socket(socket, endpoint.protocol(), failed);
    if (failed) continue;
    socket.set_option(asio::ip::tcp::no_delay(true), failed);
    self->socket_ = std::move(socket);
    self->timed_out_ = false;
    self->arm(self, now + (deadline - now) / static_cast<int>(left--));
    auto [error] = co_await self->socket_.async_connect(endpoint, as_result);
    if (!error) refused = co_await shake_hands(self, origin);
    self->disarm();
    if (self->closed_) co_return errc::unavailable;
    if (!error && !refused && self->socket_.is_open()) co_return engine::result<void>();
  }
  const auto failed = self->failure({});
  co_return refused&& failed == errc::unavailable ? refused : failed;
}

Task<engine::result<HttpResponse>> HttpConnection::exchange(Pointer self,
                                                            std::shared_ptr<const std::string> request,
                                                            std::size_t body_limit, Deadline deadline) {
  const auto sent = co_await send(self, request, deadline);
  if (sent.has_error()) co_return sent.error();
  co_return co_await receive(self, true, body_limit, deadline);
}

Task<engine::result<void>> HttpConnection::send(Pointer self, std::shared_ptr<const std::string> requests,
                                                Deadline deadline) {
  if (self->closed_) co_return errc::unavailable;
  self->reusable_ = false;
  self->received_bytes_ = 0;
  self->arm(self, deadline);
  const auto bytes = asio::buffer(*requests);
  auto [error, written] = co_await asio::async_write(*self->stream_, bytes, as_result);
  static_cast<void>(written);
  if (error || self->closed_) co_return self->failure(error);
  self->disarm();
  co_return engine::result<void>();
}

Task<engine::result<HttpResponse>> HttpConnection::receive(Pointer self, bool is_last, std::size_t body_limit,
                                                           Deadline deadline) {
  if (self->closed_) co_return errc::unavailable;
  self->arm(self, deadline);
  std::optional<http::response_parser<http::string_body>> parser;
  for (int interim = 0; !parser; ++interim) {
    parser.emplace();
    parser->header_limit(header_limit);
    parser->body_limit(body_limit);
    auto [error, count] = co_await http::async_read(*self->stream_, self->buffer_, *parser, as_result);
    self->received_bytes_ += count + self->buffer_.size();
    if (error || self->closed_) co_return self->failure(error);
    const auto status = parser->get().result_int();
    if (status >= 200) break;
    if (!is_interim(status) || interim == max_interim_answers) co_return self->not_an_answer();
    parser.reset();
  }
  self->disarm();
  // A process that was stopped may find old responses before it sees that the deadline has passed.
  if (std::chrono::steady_clock::now() >= deadline) {
    self->close();
    co_return errc::timed_out;
  }
  HttpResponse response;
  response.status = parser->get().result_int();
  response.body = std::move(parser->get().body());
  // Unsolicited bytes would be taken for the response to the next request.
  self->reusable_ = is_last && parser->get().keep_alive() && self->buffer_.size() == 0;
  if (!self->reusable_ && (is_last || !parser->get().keep_alive())) self->close();
  co_return response;
}

Task<engine::result<HttpConnection::StreamParserPointer>> HttpConnection::open_stream(
    Pointer self, std::shared_ptr<const std::string> request, Deadline deadline) {
  if (self->closed_) co_return errc::unavailable;
  self->reusable_ = false;
  self->received_bytes_ = 0;
  self->arm(self, deadline);
  const auto bytes = asio::buffer(*request);
  auto [write_error, written] = co_await asio::async_write(*self->stream_, bytes, as_result);
  static_cast<void>(written);
  if (write_error) co_return self->failure(write_error);
  for (int interim = 0; interim <= max_interim_answers; ++interim) {
    auto parser = std::make_shared<StreamParser>();
    parser->header_limit(header_limit);
    parser->body_limit(boost::none);
    auto [read_error, count] =
        co_await http::async_read_header(*self->stream_, self->buffer_, *parser, as_result);
    self->received_bytes_ += count + self->buffer_.size();
    if (read_error || self->closed_) co_return self->failure(read_error);
    const auto status = parser->get().result_int();
    if (status >= 200) {
      self->disarm();
      co_return parser;
    }
    if (!is_interim(status)) break;
  }
  co_return self->not_an_answer();
}

Task<engine::result<std::size_t>> HttpConnection::read_stream(Pointer self, StreamParserPointer parser,
                                                              asio::mutable_buffer chunk, Deadline deadline) {
  if (self->closed_) co_return errc::unavailable;
  self->arm(self, deadline);
  auto& body = parser->get().body();
  while (!parser->is_done()) {
    body.data = chunk.data();
    body.size = chunk.size();
    auto [error, count] = co_await http::async_read_some(*self->stream_, self->buffer_, *parser, as_result);
    static_cast<void>(count);
    if (error == http::error::need_buffer) error = {};
    if (error || self->closed_) co_return self->failure(error);
    if (const std::size_t size = chunk.size() - body.size; size > 0) {
      self->disarm();
      co_return size;
    }
  }
  self->disarm();
  self->reusable_ = parser->keep_alive() && self->buffer_.size() == 0;
  co_return std::size_t{0};
}

}  // namespace revoked::cache
