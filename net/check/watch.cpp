#include "net/check/watch.hpp"

#include <boost/asio/post.hpp>
#include <charconv>
#include <exception>
#include <memory>
#include <utility>

#include "engine/model/json_writer.hpp"
#include "net/check/check_service.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

namespace asio = boost::asio;
using cache::Gateway;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Token = asio::use_awaitable_t<cache::Executor>;

// Shorter than the minute after which proxies close a silent connection.
constexpr seconds beat_every{15};

class HeldWatch final : public cache::Watcher {
 public:
  explicit HeldWatch(Connection& connection)
      : Watcher(connection.thread().executor()), connection_(connection) {}
  // Why the key is denied; empty: it is not.
  std::string_view reason() const { return reason_; }
  bool is_over() const {
    return !reason_.empty() || connection_.thread().is_draining() || connection_.peer_has_ended();
  }

 private:
  void on_denied(std::string_view reason) noexcept override {
    reason_ = reason;
    connection_.wake();
  }

  Connection& connection_;
  std::string_view reason_;
};

Task<Gateway::WatchStart> start(Gateway& gateway, HeldWatch& watch, engine::Digest digest, std::string secret,
                                Connection& connection) {
  using Handler = asio::async_result<Token, void(Gateway::WatchStart)>::handler_type;
  auto initiate = [&](Handler handler) {
    auto shared = std::make_shared<Handler>(std::move(handler));
    auto done = [executor = connection.thread().executor(), shared](Gateway::WatchStart started) {
      asio::post(executor, [shared, started = std::move(started)]() mutable {
        std::move (*shared)(std::move(started));
      });
    };
    gateway.watch(watch, digest, std::move(secret), std::move(done), connection.remote_address());
  };
  Token token;
  co_return co_await asio::async_initiate<Token, void(Gateway::WatchStart)>(initiate, token);
}

// After it the gateway no longer knows the watch: what it posted before has run.
Task<> stop(Gateway& gateway, HeldWatch& watch, Connection& connection) {
  if (!watch.reason().empty()) co_return;
  using Handler = asio::async_result<Token, void()>::handler_type;
  auto initiate = [&](Handler handler) {
    auto shared = std::make_shared<Handler>(std::move(handler));
    auto done = [executor = connection.thread().executor(), shared] {
      asio::post(executor, [shared] { std::move (*shared)(); });
    };
    gateway.unwatch(watch, std::move(done));
  };
  Token token;
  co_await asio::async_initiate<Token, void()>(initiate, token);
}

void refuse(Response& response, const Gateway::WatchStart& started) {
  if (started.key_is_full)
    return send_problem(response, 429, "too_many_watches", "this key has too many watches");
  if (started.gateway_is_full)
    return send_problem(response, 503, "overloaded", "this gateway holds as many watches as it may");
  answer_verdict(response, started.verdict);
}

void append(std::string& out, bool is_chunked, std::string_view text) {
  if (!is_chunked) {
    out.append(text);
    return;
  }
  char size[16];
  const auto end = std::to_chars(size, size + sizeof size, text.size(), 16).ptr;
  out.append(size, end).append("\r\n").append(text).append("\r\n");
}

// By reference: awaited by the owner of both.
Task<> hold_stream(Response& response, Connection& connection, const HeldWatch& watch, bool is_chunked) {
  response.header("Cache-Control", "no-store");
  response.header("X-Accel-Buffering", "no");  // nginx would buffer the events
  response.close_after();
  response.begin_stream(200, "text/event-stream", is_chunked);
  // Without `denied` an end means nothing: ask again.
  append(connection.output(), is_chunked, "retry: 1000\n\n");
  while (true) {
    if (!co_await connection.flush()) co_return;
    if (watch.is_over()) break;
    if (!co_await connection.hold(beat_every)) co_return;
    if (watch.is_over()) break;
    append(connection.output(), is_chunked, ":\n\n");
  }
  if (!watch.reason().empty()) {
    std::string event("event: denied\ndata: ");
    append(connection.output(), is_chunked, event.append(watch.reason()).append("\n\n"));
  }
  if (is_chunked) connection.output().append("0\r\n\r\n");
  if (!connection.flush_now()) co_return;
  // Many may end at once: all are told before the first connection is closed.
  co_await asio::post(connection.thread().executor(), Token());
}

// By reference: awaited by the owner of both.
Task<> hold_poll(Response& response, Connection& connection, const HeldWatch& watch, seconds wait) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + wait;
  for (auto now = Clock::now(); now < until && !watch.is_over(); now = Clock::now()) {
    if (!co_await connection.hold(std::chrono::ceil<milliseconds>(until - now))) co_return;
  }
  std::string body;
  engine::JsonWriter json(body);
  json.open('{').field("denied", !watch.reason().empty());
  if (!watch.reason().empty()) json.field("reason", watch.reason());
  json.close('}');
  response.header("Cache-Control", "no-store");
  response.header("Preference-Applied", "wait=" + std::to_string(wait.count()));
  response.send_json(200, body);
}

}  // namespace

Task<> watch_and_answer(Gateway& gateway, Exchange exchange, engine::Digest digest, std::string secret,
                        std::optional<seconds> wait) {
  auto& connection = exchange.connection;
  const bool is_chunked = !exchange.request.is_http_1_0;
  HeldWatch watch(connection);
  const auto started = co_await start(gateway, watch, digest, std::move(secret), connection);
  if (!started.is_held) {
    refuse(exchange.response, started);
    co_return;
  }
  std::exception_ptr bug;
  try {
    if (wait)
      co_await hold_poll(exchange.response, connection, watch, *wait);
    else
      co_await hold_stream(exchange.response, connection, watch, is_chunked);
  } catch (...) {
    bug = std::current_exception();
  }
  co_await stop(gateway, watch, connection);
  if (bug) std::rethrow_exception(bug);
}

}  // namespace revoked::net
