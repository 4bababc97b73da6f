#include "net/response.hpp"

#include <ctime>

#include "engine/position.hpp"

namespace revoked::net {

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
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
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

Response& Response::header(std::string_view name, std::string_view value) {
  extra_.append(name).append(": ").append(value).append("\r\n");
  return *this;
}

void Response::begin(unsigned status, std::string_view content_type) {
  if (accept_only_ && (status == 200 || status == 201)) {
    status = 202;
    header("Preference-Applied", "respond-async");
  }
  status_ = status;
  if (body_is_read_ != nullptr && !*body_is_read_) keep_alive_ = false;
  out_.append("HTTP/1.1 ");
  engine::append_number(out_, status);
  out_.push_back(' ');
  out_.append(reason_phrase(status)).append("\r\n").append(date_header());
  if (!content_type.empty()) out_.append("Content-Type: ").append(content_type).append("\r\n");
  out_.append("X-Request-Id: ").append(request_id_).append("\r\n").append(extra_);
  if (!keep_alive_)
    out_.append("Connection: close\r\n");
  else if (announces_keep_alive_)
    out_.append("Connection: keep-alive\r\n");
}

void Response::send(unsigned status, std::string_view content_type, std::string_view body) {
  begin(status, content_type);
  if (record_ != nullptr) *record_ = {status_, extra_, std::string(content_type), std::string(body)};
  if (status != 204 && status != 304) {
    out_.append("Content-Length: ");
    engine::append_number(out_, body.size());
    out_.append("\r\n");
  }
  out_.append("\r\n");
  if (!is_head_) out_.append(body);
}

void Response::send(const SentResponse& sent) {
  extra_.append(sent.headers);
  send(sent.status, sent.content_type, sent.body);
}

void Response::begin_stream(unsigned status, std::string_view content_type) {
  begin(status, content_type);
  out_.append("Transfer-Encoding: chunked\r\n\r\n");
}

}  // namespace revoked::net
