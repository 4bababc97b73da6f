#pragma once
// Writes one HTTP response at the end of the connection's output: a status line, the few headers in use, the
// body.

#include <cstdint>
#include <string>
#include <string_view>

#include "net/http/request_counts.hpp"

namespace revoked::net {

std::string_view reason_phrase(unsigned status);

// "Date: …\r\n", built once per second and thread.
std::string_view date_header();

// A response as it was sent, to be sent again.
struct SentResponse {
  unsigned status = 0;
  std::string headers;  // the extra ones, as lines
  std::string content_type;
  std::string body;
};

class Response {
 public:
  // `out` may hold earlier responses. `request_id` and `out` must outlive this.
  explicit Response(std::string& out) : out_(out) {}
  Response(std::string& out, std::string_view request_id, bool keep_alive, bool is_head) : out_(out) {
    begin(request_id, keep_alive, is_head);
  }
  // Starts the next response in the same memory.
  void begin(std::string_view request_id, bool keep_alive, bool is_head);

  // Call before send() or begin_stream(). The value must be free of CR and LF.
  Response& header(std::string_view name, std::string_view value);

  // Call exactly one of these. Without a content type there is no body, and with 204 and 304 no
  // Content-Length either.
  void send(unsigned status, std::string_view content_type, std::string_view body);
  void send(unsigned status) { send(status, {}, {}); }
  void send_json(unsigned status, std::string_view body) { send(status, "application/json", body); }
  void send(const SentResponse& sent);  // again, with the headers set here in addition
  // Head of a response of unknown length: chunked, and the handler writes the chunks; or else (for HTTP/1.0)
  // everything until the connection closes, which this sets.
  void begin_stream(unsigned status, std::string_view content_type, bool is_chunked = true);

  // A 200 or 201 is sent as 202: the client did not want to wait for more (RFC 7240).
  void accept_only(bool only) { accept_only_ = only; }
  bool is_accept_only() const { return accept_only_; }
  // What send() sends is also copied there. Null: stop.
  void record_in(SentResponse* sent) { record_ = sent; }
  // send() puts the response there instead of sending it. Null: stop.
  void hold_in(SentResponse* held) { held_ = held; }

  // The route of the request, for its counters; 0: none.
  void answers(RouteNumber route) { route_ = route; }
  RouteNumber route() const { return route_; }
  bool is_stream() const { return is_stream_; }

  // The client must be told that the connection stays open (HTTP/1.0).
  void announce_keep_alive() { announces_keep_alive_ = true; }
  // The connection is closed after this response.
  void close_after() { keep_alive_ = false; }
  // The connection is closed after this response unless the request's body has been read to its end by then.
  void close_unless_read(const bool& body_is_read) { body_is_read_ = &body_is_read; }
  bool keep_alive() const { return keep_alive_; }
  bool is_head() const { return is_head_; }
  unsigned status() const { return status_; }

 private:
  void write(unsigned status, std::string_view content_type, std::string_view framing, std::string_view body);

  std::string& out_;
  std::string_view request_id_;
  std::string extra_;
  unsigned status_ = 0;
  RouteNumber route_ = 0;
  bool is_stream_ = false;
  bool keep_alive_ = false;
  bool is_head_ = false;
  const bool* body_is_read_ = nullptr;
  bool accept_only_ = false;
  bool announces_keep_alive_ = false;
  SentResponse* record_ = nullptr;
  SentResponse* held_ = nullptr;
};

}  // namespace revoked::net
