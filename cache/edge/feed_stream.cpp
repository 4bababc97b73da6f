#include "cache/edge/feed_stream.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>

#include "cache/wire/backoff.hpp"
#include "cache/wire/event_stream.hpp"
#include "cache/wire/http_connection.hpp"

namespace revoked::cache {

using engine::errc;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto open_timeout = 3s;     // from connecting to the response head
constexpr auto silence_timeout = 5s;  // between two chunks of the body
constexpr std::size_t chunk_size = 64 << 10;
constexpr std::size_t max_gone_body = 64 << 10;

}  // namespace

struct FeedStream::State {
  State(asio::io_context& io_, std::shared_ptr<HttpOrigin> origin_, std::string head_,
        EngineClient::StreamHandlers handlers_)
      : io(io_),
        origin(std::move(origin_)),
        head(std::move(head_)),
        handlers(std::move(handlers_)),
        pause(io_) {}

  void stop() {
    stopped = true;
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
    std::string text = "GET /v1/invalidations HTTP/1.1\r\n" + head + "Accept: text/event-stream\r\n";
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

  asio::io_context& io;
  std::shared_ptr<HttpOrigin> origin;
  std::string head;
  EngineClient::StreamHandlers handlers;
  Timer pause;
  std::shared_ptr<HttpConnection> connection;
  Backoff backoff;
  bool stopped = false;
  bool reported = false;
  bool connected = false;
  std::string last_reason;

  static Task<std::string> read_events(std::shared_ptr<State> state,
                                       std::shared_ptr<HttpConnection::StreamParser> parser);
  static Task<std::string> read_gone(std::shared_ptr<State> state,
                                     std::shared_ptr<HttpConnection::StreamParser> parser);
  static Task<std::string> follow_once(std::shared_ptr<State> state);
  static Task<> follow(std::shared_ptr<State> state);
};

// These return why they ended.

Task<std::string> FeedStream::State::read_events(std::shared_ptr<State> state,
                                                 std::shared_ptr<HttpConnection::StreamParser> parser) {
  const auto connection = state->connection;
  const auto chunk = std::make_unique<std::array<char, chunk_size>>();
  EventStream events;
  const EventStream::Listener on_event = [raw = state.get()](std::string_view data) {
    raw->backoff.reset();
    raw->handlers.on_message(data);
    return !raw->stopped;
  };
  while (true) {
    const auto buffer = asio::buffer(*chunk);
    const auto size =
        co_await HttpConnection::read_stream(connection, parser, buffer, Clock::now() + silence_timeout);
    if (state->stopped) co_return "stopped";
    if (size.has_error()) co_return size.error() == errc::timed_out ? "silent" : "connection lost";
    if (*size == 0) co_return "ended by the engine";
    const auto outcome = events.feed({chunk->data(), *size}, on_event);
    if (outcome == EventStream::Outcome::too_large) co_return "event too large";
    if (outcome == EventStream::Outcome::ended) co_return "stopped";
  }
}

Task<std::string> FeedStream::State::read_gone(std::shared_ptr<State> state,
                                               std::shared_ptr<HttpConnection::StreamParser> parser) {
  const auto connection = state->connection;
  const auto deadline = Clock::now() + open_timeout;
  std::string body;
  std::string chunk(4096, '\0');
  while (body.size() <= max_gone_body) {
    const auto buffer = asio::buffer(chunk);
    const auto size = co_await HttpConnection::read_stream(connection, parser, buffer, deadline);
    if (size.has_error()) co_return "connection lost";
    if (*size == 0) break;
    body.append(chunk.data(), *size);
  }
  const auto engine_now = decode_gone(body);
  if (engine_now.has_error()) co_return "410 without a position";
  if (!state->stopped) state->handlers.on_gone(*engine_now);
  co_return "position gone";
}

Task<std::string> FeedStream::State::follow_once(std::shared_ptr<State> state) {
  const auto connection = std::make_shared<HttpConnection>(state->io);
  state->connection = connection;
  const auto deadline = Clock::now() + open_timeout;
  const auto connected = co_await HttpConnection::connect(connection, state->origin, deadline);
  if (connected.has_error()) co_return "cannot connect: " + connected.error().message();
  if (state->stopped) co_return "stopped";
  const auto request = state->request();
  const auto opened = co_await HttpConnection::open_stream(connection, request, deadline);
  if (opened.has_error()) co_return opened.error().message();
  const auto& parser = *opened;
  if (state->stopped) co_return "stopped";
  const unsigned status = parser->get().result_int();
  if (status == 410) co_return co_await read_gone(state, parser);
  if (status == 401 || status == 403) co_return make_error_code(errc::refused).message();
  if (status != 200) co_return "status " + std::to_string(status);
  if (!parser->get()["Content-Type"].starts_with("text/event-stream")) co_return "not an event stream";
  state->report(true, {});
  if (state->stopped) co_return "stopped";
  co_return co_await read_events(state, parser);
}

Task<> FeedStream::State::follow(std::shared_ptr<State> state) {
  while (!state->stopped) {
    const std::string reason = co_await follow_once(state);
    state->connection->close();
    if (state->stopped) co_return;
    state->report(false, reason);
    if (state->stopped) co_return;
    state->pause.expires_after(state->backoff.next());
    [[maybe_unused]] auto [cancelled] = co_await state->pause.async_wait(as_result);
  }
}

FeedStream::FeedStream(asio::io_context& io, std::shared_ptr<HttpOrigin> origin, std::string head,
                       EngineClient::StreamHandlers handlers)
    : state_(std::make_shared<State>(io, std::move(origin), std::move(head), std::move(handlers))) {
  asio::co_spawn(io.get_executor(), State::follow(state_), rethrow);
}

FeedStream::~FeedStream() { state_->stop(); }

}  // namespace revoked::cache
