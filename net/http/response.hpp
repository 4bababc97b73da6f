#pragma once
// Writes one HTTP response at the end of the connection's output. Hand-laid: a status line, the few headers
// we send, the body.

#include <cstdint>
#include <string>
#include <string_view>

namespace revoked::net {

std::string_view reason_phrase(unsigned status);

// "Date: …\r\n", made once a second a thread.
std::string_view date_header();

// An answer as it was sent, to be sent again.
struct SentResponse {
  unsigned status = 0;
  std::string headers;  // the extra ones, as lines
  std::string content_type;
  std::string body;
};

class Response {
 public:
  // `out` may hold earlier answers. `request_id` and `out` must outlive this.
  explicit Response(std::string& out) : out_(out) {}
  Response(std::string& out, std::string_view request_id, bool keep_alive, bool is_head) : out_(out) {
    begin(request_id, keep_alive, is_head);
  }
  // The next one, in the same memory.
  void begin(std::string_view request_id, bool keep_alive, bool is_head);

  // Before send() or begin_stream(). The value must be free of CR and LF.
  Response& header(std::string_view name, std::string_view value);

  // Exactly one of these. Without a content type there is no body, and with 204 and 304 no Content-Length
  // either.
  void send(unsigned status, std::string_view content_type, std::string_view body);
  void send(unsigned status) { send(status, {}, {}); }
  void send_json(unsigned status, std::string_view body) { send(status, "application/json", body); }
  void send(const SentResponse& sent);  // again, with the headers given here besides
  // Head of a response whose end is not known yet: chunked, and the handler writes the chunks; or else (for
  // HTTP/1.0) all that comes until the connection closes, which this makes it do.
  void begin_stream(unsigned status, std::string_view content_type, bool is_chunked = true);

  // A 200 or 201 goes out as 202: the client did not want to wait for more (RFC 7240).
  void accept_only(bool only) { accept_only_ = only; }
  bool is_accept_only() const { return accept_only_; }
  // What send() sends is copied there, too. Null: no more.
  void record_in(SentResponse* sent) { record_ = sent; }

  // The client has to be told if the connection stays (HTTP/1.0).
  void announce_keep_alive() { announces_keep_alive_ = true; }
  // The connection is closed behind this response.
  void close_after() { keep_alive_ = false; }
  // The connection is closed behind this response unless the request's body has been read to its end by then.
  void close_unless_read(const bool& body_is_read) { body_is_read_ = &body_is_read; }
  bool keep_alive() const { return keep_alive_; }
  bool is_sent() const { return status_ != 0; }
  bool is_head() const { return is_head_; }
  unsigned status() const { return status_; }

 private:
  void write(unsigned status, std::string_view content_type, std::string_view framing, std::string_view body);

  std::string& out_;
  std::string_view request_id_;
  std::string extra_;
  unsigned status_ = 0;
  bool keep_alive_ = false;
  bool is_head_ = false;
  const bool* body_is_read_ = nullptr;
  bool accept_only_ = false;
  bool announces_keep_alive_ = false;
  SentResponse* record_ = nullptr;
};

}  // namespace revoked::net
