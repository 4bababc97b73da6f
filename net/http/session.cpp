#include "net/http/session.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "engine/base/character_set.hpp"
#include "net/http/incoming_request.hpp"
#include "net/http/network_thread.hpp"

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

// Does all work that needs no waiting, usually everything from a request's bytes to its response's, without
// resuming a coroutine. run_session() does the waiting.
class Session final : Connection::ReadHandler {
 public:
  Session(NetworkThread& thread, Socket socket)
      : connection_(thread, std::move(socket)),
        limits_(thread.limits()),
        incoming_(connection_),
        response_(connection_.output()) {}

  Connection& connection() { return connection_; }

  // Each continues after the wait for that step.
  Connection::ReadHandler& read_handler() { return *this; }  // for Connection::wait_for()
  Step after_input();
  Step after_turn() { return has_more_ ? answer() : read(); }
  Task<BodyReader::Got> body() { return incoming_.read_body(); }
  Step after_body(BodyReader::Got got);
  Step after_rest();
  Step after_disk() { return send(); }
  Step after_output() { return await_input(); }

  // False: it will never be synced.
  Task<bool> disk() { return connection_.thread().durable(std::exchange(durable_after_, 0)); }
  Task<> rest() { return std::move(*std::exchange(rest_, std::nullopt)); }

 private:
  using Found = IncomingRequest::Found;

  bool on_readable() noexcept override;
  Step read();
  Step answer();
  void begin_answer();
  void handle();
  void end_answer();
  void count_responses();
  Step send();
  Step await_input();

  Connection connection_;
  const ServerLimits& limits_;
  Step step_ = Step::input;  // of on_readable()
  std::exception_ptr bug_;

  IncomingRequest incoming_;
  Response response_;
  std::chrono::steady_clock::time_point arrived_;  // what is being answered
  UnsentResponses unsent_;
  std::optional<Task<>> rest_;
  Durability::Sequence durable_after_ = 0;
  bool has_more_ = false;  // more requests may have arrived
  bool is_last_ = false;   // the connection closes after the responses so far
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
  switch (connection_.receive_now()) {
    case Connection::Received::end:
      return Step::gone;
    case Connection::Received::refused:
      return Step::close;
    case Connection::Received::some:
    case Connection::Received::nothing:
      arrived_ = std::chrono::steady_clock::now();
      return answer();
  }
  return Step::gone;
}

Step Session::after_body(BodyReader::Got got) {
  if (got == BodyReader::Got::closed) return Step::gone;
  if (incoming_.end_body(got) == Found::whole) {
    arrived_ = std::chrono::steady_clock::now();
    handle();
    return rest_ ? Step::rest : answer();
  }
  is_last_ = true;
  return send();
}

// ---- responses

void Session::begin_answer() {
  auto& thread = connection_.thread();
  auto& request = incoming_.request();
  connection_.enter(Phase::handling);
  request.remote_address = connection_.remote_address();
  auto asked_id = request[Header::x_request_id];
  if (!is_usable_request_id(asked_id)) asked_id = trace_id_of(request);
  // A copy: the thread's next request reuses its buffer.
  auto& id = connection_.request_id();
  id = asked_id.empty() ? thread.next_request_id() : asked_id;
  request.id = id;
  thread.service().prepare(request);
  const bool stays = request.keep_alive && !incoming_.is_body_ignored() && !thread.is_draining();
  response_.begin(id, stays, request.method == Method::head);
  if (request.is_http_1_0) response_.announce_keep_alive();
  if (const auto* const body = incoming_.streamed_body()) response_.close_unless_read(body->is_complete());
}

void Session::handle() {
  begin_answer();
  Exchange exchange{incoming_.request(), response_, connection_, incoming_.streamed_body()};
  auto outcome = connection_.thread().service().handle(exchange);
  durable_after_ = std::max(durable_after_, outcome.durable_after);
  rest_ = std::move(outcome.rest);
  if (!rest_) end_answer();
}

void Session::end_answer() {
  connection_.answer_log().end(response_.status());
  is_last_ = !response_.keep_alive();
  incoming_.finish();
  const auto route = response_.route();
  const auto status = response_.status();
  if (response_.is_stream()) {
    connection_.thread().requests().add_untimed(route, status);
  } else if (status != 0 && !unsent_.add(route, status)) {  // 0: the connection was closed instead
    count_responses();
    unsent_.add(route, status);
  }
}

void Session::count_responses() {
  if (unsent_.all().empty()) return;
  const auto took = std::chrono::steady_clock::now() - arrived_;
  auto& counts = connection_.thread().requests();
  for (const auto& [route, status, times] : unsent_.all()) counts.add(route, status, took, times);
  unsent_.clear();
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
    switch (incoming_.find()) {
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
  count_responses();  // before they are sent: who has one finds it counted
  connection_.answer_log().write();
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
        if (co_await connection.wait_for(session.read_handler())) {
          step = session.after_input();
        } else {
          step = connection.is_broken() ? Step::gone : Step::close;
        }
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
        co_await connection.close_lingering();
        co_return;
      case Step::gone:
        break;
    }
  }
}

}  // namespace revoked::net
