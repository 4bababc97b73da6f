#include "net/http/session.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <optional>
#include <utility>

#include "engine/base/character_set.hpp"
#include "net/http/body_reader.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using Phase = Connection::Phase;

bool is_usable_request_id(std::string_view id) {
  static constexpr auto characters = engine::letters_and_digits | engine::CharacterSet("-_.");
  return !id.empty() && id.size() <= 64 && characters.has_all(id);
}

// What a session waits for next.
enum class Step {
  input,   // input from the peer
  turn,    // other sessions to run
  body,    // the body of a request that is read in pieces
  rest,    // the rest of the handler
  disk,    // the disk to sync what the responses report
  output,  // the peer to read more of the responses
  close,   // the peer to read all of them, then closes
  gone,    // nothing: the peer has closed
};

// Reads all of a chunked body. Null: the handler reads it. `held`: bytes held for the request already.
Task<BodyReader::Got> read_chunks(Connection& connection, BodyReader& reader, std::size_t held,
                                  std::string* body) {
  using Got = BodyReader::Got;
  if (body == nullptr) co_return Got::end;
  connection.enter(Phase::body);
  while (true) {
    // The deadline is that of the whole body.
    const auto got = co_await reader.next(BodyReader::Deadline::of_all);
    if (got != Got::piece) co_return got;
    body->append(reader.piece());
    connection.hold_besides(held + body->capacity());
  }
}

// Does all work that needs no waiting, usually everything from a request's bytes to its response's, without
// resuming a coroutine. run_session() does the waiting.
class Session final : Connection::Reader {
 public:
  Session(NetworkThread& thread, Socket socket)
      : connection_(thread, std::move(socket)), limits_(thread.limits()), response_(connection_.output()) {}

  Connection& connection() { return connection_; }

  // Each continues after the wait for that step.
  Connection::Reader& reader() { return *this; }  // for Connection::wait_for()
  Step after_input();
  Step after_turn() { return has_more_ ? answer() : read(); }
  Task<BodyReader::Got> body();
  Step after_body(BodyReader::Got got);
  Step after_rest();
  Step after_disk() { return send(); }
  Step after_output() { return await_input(); }

  // False: it will never be synced.
  Task<bool> disk() { return connection_.thread().durable(std::exchange(durable_after_, 0)); }
  Task<> rest() { return std::move(*std::exchange(rest_, std::nullopt)); }

 private:
  enum class Found { whole, incomplete, in_pieces, refused };

  bool on_readable() noexcept override;
  Step read();
  Step answer();
  bool has_news(std::string_view data);
  Found find_request();
  Found find_body(std::size_t arrived_bytes);
  Found refuse(unsigned status, std::string_view reason);
  bool has_body() const { return request_.is_chunked || request_.content_length > 0; }
  bool takes_body();
  void keep_head();
  void begin_answer();
  void handle();
  void end_answer();
  Step send();
  Step await_input();

  Connection connection_;
  const ServerLimits& limits_;
  Step step_ = Step::input;  // of on_readable()
  std::exception_ptr bug_;

  Request request_;
  std::size_t head_size_ = 0;
  std::size_t looked_at_ = 0;     // no whole head ends within these bytes
  std::size_t awaited_size_ = 0;  // of the request, once its head is complete and its body is not
  Response response_;
  std::optional<Task<>> rest_;
  Durability::Sequence durable_after_ = 0;
  bool has_more_ = false;  // more requests may have arrived
  bool is_last_ = false;   // the connection closes after the responses so far

  // Of a request whose body is read in pieces.
  std::string head_;
  std::string body_;
  std::optional<BodyReader> body_reader_;
  bool is_streamed_ = false;  // to the handler

  bool is_body_ignored_ = false;  // the request has a body that is not read: nothing after it is
};

// ---- input

bool Session::on_readable() noexcept {
  try {
    step_ = read();
  } catch (...) {
    bug_ = std::current_exception();
  }
  return bug_ || step_ != Step::input;
}

Step Session::after_input() {
  if (bug_) std::rethrow_exception(bug_);
  return step_;
}

Step Session::read() {
  if (connection_.receive_now() == Connection::Received::end) return Step::gone;
  return answer();
}

// Answers what the guard refused: the start of the next request is unknown.
Session::Found Session::refuse(unsigned status, std::string_view reason) {
  Response response(connection_.output(), connection_.thread().next_request_id(), false,
                    request_.method == Method::head);
  send_problem(response, status, "bad_request", reason);
  return Found::refused;
}

bool Session::takes_body() { return has_body() && connection_.thread().service().takes_body(request_); }

// Whether the bytes since the last look can complete a request. Parsing again on each piece would take time
// with the square of the head's size, or with the product of the head's and the body's.
bool Session::has_news(std::string_view data) {
  if (data.size() < awaited_size_) return false;
  if (looked_at_ == 0 || data.size() >= limits_.head.bytes) return true;
  // An empty line ends the head; one without CR is refused.
  const auto fresh = data.substr(looked_at_ - std::min<std::size_t>(looked_at_, 2));
  looked_at_ = data.size();
  return fresh.find("\n\r\n") != std::string_view::npos || fresh.find("\n\n") != std::string_view::npos;
}

Session::Found Session::find_request() {
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

Session::Found Session::find_body(std::size_t arrived_bytes) {
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
void Session::keep_head() {
  head_ = connection_.received().substr(0, head_size_);
  connection_.consume(head_size_);
  request_ = {};
  read_head(head_, limits_.head, request_);
}

Task<BodyReader::Got> Session::body() {
  is_streamed_ = takes_body();
  keep_head();
  body_reader_.emplace(connection_, request_, is_streamed_ ? 0 : limits_.body_bytes);
  body_.clear();
  connection_.hold_besides(head_.capacity());
  return read_chunks(connection_, *body_reader_, head_.capacity(), is_streamed_ ? nullptr : &body_);
}

Step Session::after_body(BodyReader::Got got) {
  using Got = BodyReader::Got;
  if (got == Got::closed) return Step::gone;
  if (got == Got::end) {
    request_.body = body_;
    handle();
    return rest_ ? Step::rest : answer();
  }
  body_reader_.reset();
  if (got == Got::malformed) {
    refuse(400, "malformed chunked body");
  } else {
    refuse(413, "the body, its chunk heads or its trailers are too large");
  }
  is_last_ = true;
  return send();
}

// ---- responses

void Session::begin_answer() {
  auto& thread = connection_.thread();
  connection_.enter(Phase::handling);
  request_.remote_address = connection_.remote_address();
  auto asked_id = request_[Header::x_request_id];
  if (!is_usable_request_id(asked_id)) asked_id = trace_id_of(request_);
  // A copy: the thread's next request reuses its buffer.
  auto& id = connection_.request_id();
  id = asked_id.empty() ? thread.next_request_id() : asked_id;
  request_.id = id;
  const bool stays = request_.keep_alive && !is_body_ignored_ && !thread.is_draining();
  response_.begin(id, stays, request_.method == Method::head);
  if (request_.is_http_1_0) response_.announce_keep_alive();
  if (is_streamed_) response_.close_unless_read(body_reader_->is_complete());
}

void Session::handle() {
  begin_answer();
  Exchange exchange{request_, response_, connection_, is_streamed_ ? &*body_reader_ : nullptr};
  auto outcome = connection_.thread().service().handle(exchange);
  durable_after_ = std::max(durable_after_, outcome.durable_after);
  rest_ = std::move(outcome.rest);
  if (!rest_) end_answer();
}

void Session::end_answer() {
  is_last_ = !response_.keep_alive();
  if (!body_reader_) connection_.consume(head_size_ + (is_body_ignored_ ? 0 : request_.content_length));
  if (body_reader_) {
    head_ = body_ = std::string();  // an idle connection must not hold them
    connection_.hold_besides(0);
  }
  body_reader_.reset();
  is_streamed_ = false;
}

Step Session::after_rest() {
  end_answer();
  return answer();
}

// Answers all complete requests, with one wait for the disk and one write.
Step Session::answer() {
  has_more_ = false;
  for (std::size_t count = 0; !is_last_ && !has_more_; ++count) {
    if (count == limits_.pipelined || connection_.output().size() > limits_.gathered_bytes) {
      has_more_ = true;
      break;
    }
    switch (find_request()) {
      case Found::incomplete:
        return send();
      case Found::refused:
        is_last_ = true;
        break;
      case Found::in_pieces:
        // Earlier responses are sent first: reading may send them, and they may not be synced yet.
        if (durable_after_ == 0 && connection_.output().empty()) return Step::body;
        has_more_ = true;
        break;
      case Found::whole:
        handle();
        if (rest_) return Step::rest;
    }
  }
  return send();
}

Step Session::send() {
  // Held back until synced. If that never happens, no response means "unknown" (P9).
  if (durable_after_ != 0) return Step::disk;
  if (is_last_) return Step::close;
  if (connection_.flush_now()) return await_input();
  return connection_.is_broken() ? Step::gone : Step::output;
}

Step Session::await_input() {
  if (has_more_) return Step::turn;
  const bool is_idle = connection_.received().empty();
  if (connection_.phase() == Phase::handling || connection_.phase() == Phase::idle) {
    connection_.enter(is_idle ? Phase::idle : Phase::head);
  }
  if (connection_.phase() == Phase::idle && connection_.thread().is_draining()) return Step::gone;
  return connection_.is_readable() ? Step::turn : Step::input;
}

}  // namespace

Task<> run_session(NetworkThread& thread, Socket socket) {
  Session session(thread, std::move(socket));
  auto& connection = session.connection();
  auto step = Step::input;
  while (step != Step::gone) {
    switch (step) {
      case Step::input:
        if (!co_await connection.wait_for(session.reader())) co_return;
        step = session.after_input();
        break;
      case Step::turn:
        co_await cache::asio::post(thread.executor(), cache::asio::use_awaitable_t<cache::Executor>());
        step = session.after_turn();
        break;
      case Step::body: {
        const auto got = co_await session.body();
        step = session.after_body(got);
        break;
      }
      case Step::rest: {
        // The rest may send the output itself, with the responses before it: first wait until those are
        // synced.
        if (!co_await session.disk()) co_return;
        auto rest = session.rest();
        co_await std::move(rest);
        step = session.after_rest();
        break;
      }
      case Step::disk:
        if (!co_await session.disk()) co_return;
        step = session.after_disk();
        break;
      case Step::output:
        if (!co_await connection.flush()) co_return;
        step = session.after_output();
        break;
      case Step::close:
        co_await connection.close_gently();
        co_return;
      case Step::gone:
        break;
    }
  }
}

}  // namespace revoked::net
