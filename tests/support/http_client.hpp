#pragma once
// A small blocking HTTP/1.1 client on one connection to loopback, with deadlines. It keeps the connection
// alive, can send malformed bytes, and reads an endless answer piece by piece. Failures are exceptions, so
// that a test only states what it expects.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/json.hpp"
#include "tests/support/tls_channel.hpp"

namespace revoked::test {

// The connection was refused, lost, or silent past its deadline: for a request, "outcome unknown".
class ConnectionFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;

  std::string header(std::string_view name) const;  // in any letter case; empty if absent
  Json json() const { return Json::parse(body); }
};

class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port, std::chrono::milliseconds timeout = std::chrono::seconds(30));
  ~HttpClient();
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;

  void add_header(std::string name, std::string value);  // sent with every request()
  // From the next connection on.
  void use_tls(const TlsPeer& peer) { tls_peer_ = peer; }
  TlsChannel* tls() { return tls_ ? &*tls_ : nullptr; }  // of the connection
  // Without a request. Throws ConnectionFailed.
  void connect();

  // One exchange. Connects if there is no connection; does not retry.
  HttpResponse request(std::string_view method, std::string_view target, const Headers& headers = {},
                       std::string_view body = {});
  HttpResponse get(std::string_view target, const Headers& headers = {}) {
    return request("GET", target, headers);
  }

  // The parts of request(), for pipelining and for malformed bytes.
  std::string format(std::string_view method, std::string_view target, const Headers& headers = {},
                     std::string_view body = {}) const;
  void send(std::string_view bytes);
  HttpResponse receive();
  HttpResponse receive_headers();              // the body is read with receive_piece()
  std::optional<std::string> receive_piece();  // nothing at the end of the body

  // Whether the peer ends the connection, by FIN or RST, before it sends another byte.
  bool is_closed_within(std::chrono::milliseconds limit);
  void close();

 private:
  ssize_t receive_some(char* into, std::size_t size);
  bool read_more();  // false at the end of the stream
  std::string take_line();

  std::uint16_t port_;
  std::chrono::milliseconds timeout_;
  std::string constant_headers_;
  int socket_ = -1;
  std::optional<TlsPeer> tls_peer_;
  std::optional<TlsChannel> tls_;
  std::string unread_;
  // The body being received.
  bool chunked_ = false;
  bool until_close_ = false;
  std::uint64_t body_left_ = 0;
  bool head_ = false;  // the last request was a HEAD
};

// Pipelined requests, made with format(); each answer is passed with the number of its request.
void exchange(HttpClient& client, const std::vector<std::string>& requests,
              const std::function<void(std::size_t, const HttpResponse&)>& answered);

}  // namespace revoked::test
