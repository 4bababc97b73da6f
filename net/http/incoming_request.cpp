#include "net/http/incoming_request.hpp"

#include <algorithm>

#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using Got = BodyReader::Got;
using Phase = Connection::Phase;

// Reads all of a chunked body. Null: the handler reads it. `held`: bytes held for the request already.
// By reference: the session owns all three, and awaits this.
Task<Got> read_chunks(Connection& connection, BodyReader& reader, std::size_t held, std::string* body) {
  if (body == nullptr) co_return Got::end;
  connection.enter(Phase::body);
  while (true) {
    // The deadline is that of the whole body.
    const auto got = co_await reader.next(BodyReader::Deadline::of_all);
    if (got != Got::piece) co_return got;
    body->append(reader.piece());
    connection.set_request_bytes(held + body->capacity());
  }
}

}  // namespace

IncomingRequest::IncomingRequest(Connection& connection)
    : connection_(connection), limits_(connection.thread().limits()) {}

IncomingRequest::Found IncomingRequest::refuse(unsigned status, std::string_view reason) {
  Response response(connection_.output(), connection_.thread().next_request_id(), false,
                    request_.method == Method::head);
  send_problem(response, status, "bad_request", reason);
  connection_.thread().requests().add_untimed(0, status);
  return Found::refused;
}

bool IncomingRequest::takes_body() {
  return has_body() && connection_.thread().service().takes_body(request_);
}

// Whether the bytes since the last look can complete a request. Parsing again on each piece would take time
// with the square of the head's size, or with the product of the head's and the body's.
bool IncomingRequest::has_news(std::string_view data) {
  if (data.size() < awaited_size_) return false;
  if (looked_at_ == 0 || data.size() >= limits_.head.bytes) return true;
  // An empty line ends the head; one without CR is refused.
  const auto fresh = data.substr(looked_at_ - std::min<std::size_t>(looked_at_, 2));
  looked_at_ = data.size();
  return fresh.find("\n\r\n") != std::string_view::npos || fresh.find("\n\n") != std::string_view::npos;
}

IncomingRequest::Found IncomingRequest::find() {
  const auto data = connection_.received();
  if (data.empty() || !has_news(data)) return Found::incomplete;
  request_ = {};
  const auto head = read_head(data, limits_.head, request_);
  if (head.kind == HeadResult::Kind::refused) return refuse(head.status, head.reason);
  const bool is_complete = head.kind == HeadResult::Kind::complete;
  looked_at_ = is_complete ? 0 : data.size();
  if (!is_complete) return Found::incomplete;
  head_size_ = head.size;
  awaited_size_ = 0;
  return find_body(data.size() - head.size);
}

IncomingRequest::Found IncomingRequest::find_body(std::size_t arrived_bytes) {
  is_body_ignored_ = has_body() && connection_.thread().service().ignores_body(request_);
  if (is_body_ignored_) return Found::whole;
  if (request_.is_chunked || takes_body()) return Found::in_pieces;
  if (request_.content_length > limits_.body_bytes) return refuse(413, "the body is too large");
  if (arrived_bytes >= request_.content_length) {
    request_.body = connection_.received().substr(head_size_, request_.content_length);
    return Found::whole;
  }
  if (connection_.phase() != Phase::body) {
    connection_.enter(Phase::body);
    if (request_.expects_continue) connection_.output().append("HTTP/1.1 100 Continue\r\n\r\n");
  }
  awaited_size_ = head_size_ + request_.content_length;
  return Found::incomplete;
}

// Copies the head out of the connection's buffer, which the pieces of the body will use.
void IncomingRequest::keep_head() {
  head_ = connection_.received().substr(0, head_size_);
  connection_.consume(head_size_);
  request_ = {};
  read_head(head_, limits_.head, request_);
}

Task<Got> IncomingRequest::read_body() {
  is_streamed_ = takes_body();
  keep_head();
  body_reader_.emplace(connection_, request_, is_streamed_ ? 0 : limits_.body_bytes);
  body_.clear();
  connection_.set_request_bytes(head_.capacity());
  return read_chunks(connection_, *body_reader_, head_.capacity(), is_streamed_ ? nullptr : &body_);
}

IncomingRequest::Found IncomingRequest::end_body(Got got) {
  if (got == Got::end) {
    request_.body = body_;
    return Found::whole;
  }
  body_reader_.reset();
  return got == Got::malformed ? refuse(400, "malformed chunked body")
                               : refuse(413, "the body, its chunk heads or its trailers are too large");
}

void IncomingRequest::finish() {
  if (!body_reader_) {
    connection_.consume(head_size_ + (is_body_ignored_ ? 0 : request_.content_length));
    return;
  }
  head_ = body_ = std::string();  // an idle connection must not hold them
  connection_.set_request_bytes(0);
  body_reader_.reset();
  is_streamed_ = false;
}

}  // namespace revoked::net
