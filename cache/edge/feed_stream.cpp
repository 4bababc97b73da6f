#include "cache/edge/feed_stream.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>

#include "cache/edge/engine_status.hpp"
#include "cache/wire/backoff.hpp"
#include "cache/wire/event_stream.hpp"
#include "cache/wire/http_connection.hpp"

namespace revoked::cache {

using engine::errc;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t chunk_size = 64 << 10;
constexpr std::size_t max_gone_body = 64 << 10;

}  // namespace

struct FeedStream::State {
  State(asio::io_context& io_, std::shared_ptr<EngineChoice> engines_, std::string head_,
        const Timeouts& timeouts_, EngineClient::StreamHandlers handlers_)
      : io(io_),
        engines(std::move(engines_)),
        head(std::move(head_)),
        timeouts(timeouts_),
        handlers(std::move(handlers_)),
        pause(io_) {}

  void stop() {
    stopped = true;
    interrupt();
  }

  void interrupt() {
    pause.cancel();
    if (connection) connection->close();
  }

  // Reports each change once.
  void report(bool now_connected, std::string_view reason) {
    if (stopped || (reported && connected == now_connected && last_reason == reason)) return;
    reported = true;
    connected = now_connected;
    last_reason = reason;
    handlers.on_state(connected, reason);
  }

  std::shared_ptr<const std::string> request() const {
    std::string text =
        "GET /v1/invalidations HTTP/1.1\r\n" + engine->host_line + head + "Accept: text/event-stream\r\n";
    if (const auto position = handlers.position()) {
      text += "Last-Event-ID: ";
      append_position(text, *position);
      const auto journal = handlers.journal ? handlers.journal() : std::string();
      if (!journal.empty()) text.append("-").append(journal);
      text += "\r\n";
    }
    text += "\r\n";
    return std::make_shared<const std::string>(std::move(text));
  }

  // Why a connection ended, and whether there is no other to the same engine: then another engine is used.
  struct End {
    std::string reason;
    bool is_engine_lost = false;
  };

  asio::io_context& io;
  const std::shared_ptr<EngineChoice> engines;
  const std::string head;
  const Timeouts timeouts;
  EngineChoice::Pointer engine;  // of the connection
  EngineClient::StreamHandlers handlers;
  Timer pause;
  std::shared_ptr<HttpConnection> connection;
  Backoff backoff;
  bool stopped = false;
  bool reported = false;
  bool connected = false;
  std::string last_reason;

  static Task<End> read_events(std::shared_ptr<State> state,
                               std::shared_ptr<HttpConnection::StreamParser> parser);
  static Task<End> read_gone(std::shared_ptr<State> state,
                             std::shared_ptr<HttpConnection::StreamParser> parser);
  static Task<End> follow_once(std::shared_ptr<State> state);
  static Task<> follow(std::shared_ptr<State> state);
};

Task<FeedStream::State::End> FeedStream::State::read_events(
    std::shared_ptr<State> state, std::shared_ptr<HttpConnection::StreamParser> parser) {
  const auto connection = state->connection;
  const auto chunk = std::make_unique<std::array<char, chunk_size>>();
  EventStream events;
  const EventStream::Listener on_event = [raw = state.get()](std::string_view data) {
    raw->backoff.reset();
    raw->handlers.on_message(data);
    return !raw->stopped && raw->engine == raw->engines->in_use();
  };
  while (true) {
    const auto buffer = asio::buffer(*chunk);
    const auto deadline = Clock::now() + state->timeouts.silence;
    const auto size = co_await HttpConnection::read_stream(connection, parser, buffer, deadline);
    if (state->stopped) co_return End{"stopped"};
    if (size.has_error() && size.error() == errc::timed_out) co_return End{"silent", true};
    if (size.has_error()) co_return End{"connection lost"};
    if (*size == 0) co_return End{"ended by the engine"};
    const auto outcome = events.feed({chunk->data(), *size}, on_event);
    if (outcome == EventStream::Outcome::too_large) co_return End{"event too large"};
    if (outcome == EventStream::Outcome::ended) co_return End{"another engine is used"};
  }
}

Task<FeedStream::State::End> FeedStream::State::read_gone(
    std::shared_ptr<State> state, std::shared_ptr<HttpConnection::StreamParser> parser) {
  const auto connection = state->connection;
  const auto deadline = Clock::now() + state->timeouts.open;
  std::string body;
  std::string chunk(4096, '\0');
  while (body.size() <= max_gone_body) {
    const auto buffer = asio::buffer(chunk);
    const auto size = co_await HttpConnection::read_stream(connection, parser, buffer, deadline);
    if (size.has_error()) co_return End{"connection lost"};
    if (*size == 0) break;
    body.append(chunk.data(), *size);
  }
  const auto engine_now = decode_gone(body);
  if (engine_now.has_error()) co_return End{"410 without a position"};
  if (!state->stopped && state->engine == state->engines->in_use()) state->handlers.on_gone(*engine_now);
  co_return End{"position gone"};
}

Task<FeedStream::State::End> FeedStream::State::follow_once(std::shared_ptr<State> state) {
  const auto connection = std::make_shared<HttpConnection>(state->io);
  state->connection = connection;
  const auto deadline = Clock::now() + state->timeouts.open;
  const auto connected = co_await HttpConnection::connect(connection, state->engine->origin, deadline);
  if (connected.has_error()) co_return End{"cannot connect: " + connected.error().message(), true};
  if (state->stopped) co_return End{"stopped"};
  const auto request = state->request();
  const auto opened = co_await HttpConnection::open_stream(connection, request, deadline);
  if (opened.has_error()) co_return End{opened.error().message(), opened.error() != errc::malformed};
  const auto& parser = *opened;
  if (state->stopped) co_return End{"stopped"};
  const unsigned status = parser->get().result_int();
  if (status == 410) co_return co_await read_gone(state, parser);
  if (status == 401 || status == 403) co_return End{make_error_code(errc::refused).message()};
  if (status != 200) co_return End{"status " + std::to_string(status), is_out_of_service(status)};
  if (!parser->get()["Content-Type"].starts_with("text/event-stream")) co_return End{"not an event stream"};
  state->report(true, {});
  if (state->stopped) co_return End{"stopped"};
  co_return co_await read_events(state, parser);
}

Task<> FeedStream::State::follow(std::shared_ptr<State> state) {
  while (!state->stopped) {
    state->engine = state->engines->in_use();
    const auto end = co_await follow_once(state);
    state->connection->close();
    if (state->stopped) co_return;
    state->report(false, end.reason);
    if (state->stopped) co_return;
    if (end.is_engine_lost) state->engines->failed(state->engine, "feed: " + end.reason);
    if (state->stopped) co_return;
    if (state->engine != state->engines->in_use()) continue;
    state->pause.expires_after(state->backoff.next());
    [[maybe_unused]] auto [cancelled] = co_await state->pause.async_wait(as_result);
  }
}

FeedStream::FeedStream(asio::io_context& io, std::shared_ptr<EngineChoice> engines, std::string head,
                       const Timeouts& timeouts, EngineClient::StreamHandlers handlers)
    : state_(
          std::make_shared<State>(io, std::move(engines), std::move(head), timeouts, std::move(handlers))) {
  asio::co_spawn(io.get_executor(), State::follow(state_), rethrow);
}

FeedStream::~FeedStream() { state_->stop(); }

void FeedStream::on_engine_changed() {
  state_->backoff.reset();
  state_->interrupt();
}

}  // namespace revoked::cache
