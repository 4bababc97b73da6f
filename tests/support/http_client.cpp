#include "tests/support/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "tests/support/loopback.hpp"

namespace revoked::test {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::uint64_t parse_number(std::string_view text, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end == text.data())
    throw ConnectionFailed("not a length: " + std::string(text));
  return number;
}

std::string with_errno(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

std::string HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

HttpClient::HttpClient(std::uint16_t port, std::chrono::milliseconds timeout)
    : port_(port), timeout_(timeout) {}

HttpClient::~HttpClient() { close(); }

HttpClient::HttpClient(HttpClient&& other) noexcept
    : port_(other.port_),
      timeout_(other.timeout_),
      constant_headers_(std::move(other.constant_headers_)),
      socket_(std::exchange(other.socket_, -1)),
      tls_peer_(std::move(other.tls_peer_)),
      tls_(std::exchange(other.tls_, std::nullopt)),
      unread_(std::move(other.unread_)) {}

void HttpClient::add_header(std::string name, std::string value) {
  constant_headers_ += name + ": " + value + "\r\n";
}

void HttpClient::connect() {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) throw ConnectionFailed(with_errno("socket"));
  const int yes = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout_);
  const timeval send_timeout{seconds.count(), (timeout_ - seconds).count() * 1000};
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &send_timeout, sizeof send_timeout);
  auto address = loopback(port_);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const std::string reason = with_errno("connect");
    close();
    throw ConnectionFailed(reason);
  }
  if (!tls_peer_) return;
  try {
    tls_.emplace(socket_, *tls_peer_);
  } catch (const TlsFailed& failed) {
    close();
    throw ConnectionFailed(failed.what());
  }
}

void HttpClient::close() {
  tls_.reset();
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  unread_.clear();
}

std::string HttpClient::format(std::string_view method, std::string_view target, const Headers& headers,
                               std::string_view body) const {
  std::string out;
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1:");
  out.append(std::to_string(port_)).append("\r\n").append(constant_headers_);
  for (const auto& [name, value] : headers) out.append(name).append(": ").append(value).append("\r\n");
  if (!body.empty()) {
    const auto is_type = [](const auto& header) { return header.first == "Content-Type"; };
    if (std::ranges::none_of(headers, is_type)) out.append("Content-Type: application/json\r\n");
    out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  return out.append("\r\n").append(body);
}

void HttpClient::send(std::string_view bytes) {
  if (socket_ < 0) connect();
  try {
    if (tls_) return tls_->send(bytes);
  } catch (const TlsFailed& failed) {
    throw ConnectionFailed(failed.what());
  }
  while (!bytes.empty()) {
    const ssize_t size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) throw ConnectionFailed(with_errno("send"));
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

HttpResponse HttpClient::request(std::string_view method, std::string_view target, const Headers& headers,
                                 std::string_view body) {
  try {
    head_ = method == "HEAD";
    send(format(method, target, headers, body));
    HttpResponse response = receive();
    head_ = false;
    if (same_name(response.header("Connection"), "close")) close();
    return response;
  } catch (const ConnectionFailed&) {
    head_ = false;
    close();
    throw;
  }
}

ssize_t HttpClient::receive_some(char* into, std::size_t size) {
  if (!tls_) return ::recv(socket_, into, size, 0);
  try {
    return static_cast<ssize_t>(tls_->receive(into, size));
  } catch (const TlsFailed& failed) {
    throw ConnectionFailed(failed.what());
  }
}

bool HttpClient::read_more() {
  if (socket_ < 0) throw ConnectionFailed("not connected");
  pollfd ready{socket_, POLLIN, 0};
  const bool has_unread = tls_ && tls_->has_unread();
  const int count = has_unread ? 1 : ::poll(&ready, 1, static_cast<int>(timeout_.count()));
  if (count == 0) throw ConnectionFailed("no answer in time");
  char buffer[65536];
  const ssize_t size = receive_some(buffer, sizeof buffer);
  if (size < 0) throw ConnectionFailed(with_errno("recv"));
  unread_.append(buffer, static_cast<std::size_t>(size));
  return size > 0;
}

std::string HttpClient::take_line() {
  for (;;) {
    if (const auto end = unread_.find("\r\n"); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 2);
      return line;
    }
    if (!read_more()) throw ConnectionFailed("the connection ended within an answer");
  }
}

HttpResponse HttpClient::receive_headers() {
  HttpResponse response;
  const std::string status_line = take_line();
  if (!status_line.starts_with("HTTP/1.") || status_line.size() < 12) {
    throw ConnectionFailed("not a status line: " + status_line);
  }
  response.status = static_cast<int>(parse_number(status_line.substr(9, 3), 10));
  chunked_ = false;
  body_left_ = 0;
  bool has_length = false;
  for (std::string line = take_line(); !line.empty(); line = take_line()) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) throw ConnectionFailed("not a header: " + line);
    const auto value = line.find_first_not_of(" \t", colon + 1);
    response.headers.emplace_back(line.substr(0, colon),
                                  value == std::string::npos ? "" : line.substr(value));
    if (same_name(response.headers.back().first, "Content-Length")) {
      body_left_ = parse_number(response.headers.back().second, 10);
      has_length = true;
    }
    if (same_name(response.headers.back().first, "Transfer-Encoding")) chunked_ = true;
  }
  const bool has_no_body =
      head_ || response.status / 100 == 1 || response.status == 204 || response.status == 304;
  if (has_no_body) {
    chunked_ = false;
    body_left_ = 0;
  }
  until_close_ = !has_no_body && !chunked_ && !has_length;
  return response;
}

std::optional<std::string> HttpClient::receive_piece() {
  if (chunked_ && body_left_ == 0) {
    body_left_ = parse_number(take_line(), 16);
    if (body_left_ == 0) {
      while (!take_line().empty()) {
      }
      chunked_ = false;
      return std::nullopt;
    }
  }
  if (body_left_ == 0 && !until_close_) return std::nullopt;
  if (unread_.empty() && !read_more()) {
    if (until_close_) return std::nullopt;
    throw ConnectionFailed("the connection ended within a body");
  }
  const std::size_t size =
      until_close_ ? unread_.size() : std::min<std::uint64_t>(unread_.size(), body_left_);
  std::string piece = unread_.substr(0, size);
  unread_.erase(0, size);
  if (!until_close_) body_left_ -= size;
  if (chunked_ && body_left_ == 0) take_line();  // the line end after a chunk
  return piece;
}

HttpResponse HttpClient::receive() {
  HttpResponse response = receive_headers();
  while (auto piece = receive_piece()) response.body += *piece;
  return response;
}

bool HttpClient::is_closed_within(std::chrono::milliseconds limit) {
  if (socket_ < 0) return true;
  if (!unread_.empty()) return false;
  pollfd ready{socket_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(limit.count())) <= 0) return false;
  char byte;
  try {
    return (tls_ ? receive_some(&byte, 1) : ::recv(socket_, &byte, 1, MSG_PEEK)) <= 0;
  } catch (const ConnectionFailed&) {
    return true;
  }
}

void exchange(HttpClient& client, const std::vector<std::string>& requests,
              const std::function<void(std::size_t, const HttpResponse&)>& answered) {
  constexpr std::size_t in_flight = 64;  // both sides' socket buffers hold that many: neither blocks
  std::size_t sent = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    std::string burst;
    if (i == sent) {
      for (; sent < requests.size() && sent < i + in_flight; ++sent) burst += requests[sent];
      client.send(burst);
    }
    answered(i, client.receive());
  }
}

}  // namespace revoked::test
