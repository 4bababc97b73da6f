#include "net/http/response.hpp"

#include <charconv>
#include <ctime>
#include <initializer_list>
#include <utility>

namespace revoked::net {
namespace {

// Grows once for all pieces.
void append(std::string& out, std::initializer_list<std::string_view> pieces) {
  std::size_t size = 0;
  for (const auto piece : pieces) size += piece.size();
  const auto before = out.size();
  out.resize(before + size);
  char* at = out.data() + before;
  for (const auto piece : pieces) at += piece.copy(at, piece.size());
}

}  // namespace

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

std::string_view date_header() {
  thread_local std::time_t made_at = 0;
  thread_local char text[64];
  thread_local std::size_t size = 0;
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != made_at) {
    made_at = now.tv_sec;
    std::tm parts{};
    gmtime_r(&made_at, &parts);
    // RFC 9110, 5.6.7. The C locale's names: the programs never call setlocale.
    size = std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
  }
  return {text, size};
}

void Response::begin(std::string_view request_id, bool keep_alive, bool is_head) {
  request_id_ = request_id;
  extra_.clear();
  status_ = 0;
  route_ = 0;
  is_stream_ = false;
  keep_alive_ = keep_alive;
  is_head_ = is_head;
  body_is_read_ = nullptr;
  accept_only_ = false;
  announces_keep_alive_ = false;
  record_ = nullptr;
  held_ = nullptr;
}

Response& Response::header(std::string_view name, std::string_view value) {
  append(extra_, {name, ": ", value, "\r\n"});
  return *this;
}

void Response::write(unsigned status, std::string_view content_type, std::string_view framing,
                     std::string_view body) {
  if (accept_only_ && (status == 200 || status == 201)) {
    status = 202;
    header("Preference-Applied", "respond-async");
  }
  status_ = status;
  if (body_is_read_ != nullptr && !*body_is_read_) keep_alive_ = false;
  const char digits[] = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                         static_cast<char>('0' + status % 10)};
  const bool has_type = !content_type.empty();
  append(out_, {"HTTP/1.1 ",
                {digits, sizeof digits},
                " ",
                reason_phrase(status),
                "\r\n",
                date_header(),
                has_type ? "Content-Type: " : "",
                content_type,
                has_type ? "\r\nX-Request-Id: " : "X-Request-Id: ",
                request_id_,
                "\r\n",
                extra_,
                !keep_alive_            ? "Connection: close\r\n"
                : announces_keep_alive_ ? "Connection: keep-alive\r\n"
                                        : "",
                framing,
                "\r\n",
                body});
}

void Response::send(unsigned status, std::string_view content_type, std::string_view body) {
  constexpr std::string_view name = "Content-Length: ";
  char length[name.size() + 22];
  char* at = length + name.copy(length, name.size());
  at = std::to_chars(at, length + sizeof length, body.size()).ptr;
  *at++ = '\r';
  *at++ = '\n';
  const bool has_length = status != 204 && status != 304;
  if (held_ != nullptr) {
    status_ = status;
    *held_ = {status, std::exchange(extra_, {}), std::string(content_type), std::string(body)};
    if (record_ != nullptr) *record_ = *held_;
    return;
  }
  write(status, content_type, {length, has_length ? static_cast<std::size_t>(at - length) : 0},
        is_head_ ? std::string_view() : body);
  if (record_ != nullptr) *record_ = {status_, extra_, std::string(content_type), std::string(body)};
}

void Response::send(const SentResponse& sent) {
  extra_.append(sent.headers);
  send(sent.status, sent.content_type, sent.body);
}

void Response::begin_stream(unsigned status, std::string_view content_type, bool is_chunked) {
  if (!is_chunked) close_after();
  is_stream_ = true;
  write(status, content_type, is_chunked ? "Transfer-Encoding: chunked\r\n" : "", {});
}

}  // namespace revoked::net
