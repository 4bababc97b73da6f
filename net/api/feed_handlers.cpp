// GET /v1/invalidations: the engine's own feed, as pages or as a Server-Sent-Events stream.

#include <boost/asio/post.hpp>
#include <charconv>

#include "cache/bus/message_encoder.hpp"
#include "engine/base/boot_clock.hpp"
#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/api/feed_place.hpp"
#include "net/api/forwarder.hpp"
#include "net/auth/authority.hpp"
#include "net/http/log.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using cache::Feed;
using engine::JsonWriter;
using engine::Position;

constexpr std::size_t default_page_events = 1'000;
constexpr std::chrono::milliseconds heartbeat_every{1000};
constexpr std::chrono::seconds longest_proof{2};

void write_clocks(JsonWriter& json, const cache::Stamp& stamp) {
  json.key("at").time(stamp.at).field("up", *stamp.up).field("clock", stamp.clock);
}

void send_gone(Response& response, const Feed::Place& feed_at, const cache::Stamp& stamp) {
  std::string now;
  JsonWriter json(now);
  json.open('{').field("position", feed_at.position).field("journal", std::string_view(feed_at.journal));
  write_clocks(json, stamp);
  json.close('}');
  const auto extra = "," + now.substr(1, now.size() - 2);
  send_problem(response, 410, "position_gone", "clear the cache and continue from this position", extra);
}

void send_page(Response& response, const Feed::Reading& reading, const cache::Stamp& stamp) {
  std::string body;
  JsonWriter json(body);
  json.open('{').field("journal", std::string_view(reading.published.journal));
  json.field("position", reading.position)
      .field("told", reading.published.position)
      .field("more", reading.more);
  write_clocks(json, stamp);
  json.key("messages").open('[');
  for (const auto& item : reading.items) json.raw(*item.message);
  json.close(']').close('}');
  response.send_json(200, body);
}

// One SSE event (WHATWG HTML, 9.2), as one chunk of the chunked coding (RFC 9112, 7.1) if it is chunked.
void append_event(std::string& out, bool is_chunked, Position position, std::string_view journal,
                  std::string_view message) {
  auto id = to_string(position);
  if (!journal.empty()) id.append("-").append(journal);
  if (is_chunked) {
    const auto size = 4 + id.size() + 7 + message.size() + 2;
    char hex[16];
    const auto end = std::to_chars(hex, hex + sizeof hex, size, 16).ptr;
    out.append(hex, end).append("\r\n");
  }
  out.append("id: ").append(id).append("\ndata: ").append(message).append("\n\n");
  if (is_chunked) out.append("\r\n");
}

// errc::overloaded: the reading pool is full.
Task<engine::result<Feed::Reading>> read_feed(Api& api, NetworkThread& thread, std::string asker,
                                              Feed::Place after, std::size_t max_events) {
  const auto& [position, journal] = after;
  if (auto newest = api.feed.read_newest(api.engine, position, journal, max_events))
    co_return std::move(*newest);
  engine::result<Feed::Reading> reading = engine::errc::overloaded;
  const std::function<void()> read = [&] {
    reading = api.feed.read(api.engine, after.position, after.journal, max_events);
  };
  co_await api.readings->run(thread.executor(), std::move(asker), read);
  co_return reading;
}

// Waits until nothing is missing here that was acknowledged before now: a page proves that to its reader.
Task<bool> is_proven(const Api& api, NetworkThread& thread) {
  if (api.standing == nullptr) co_return true;
  const auto asked = engine::BootClock::now();
  while (api.standing->valid_until() < asked) {
    if (engine::BootClock::now() > asked + longest_proof) co_return false;
    const auto seen = thread.news().count();
    co_await thread.news().wait(std::chrono::milliseconds(10), seen);
  }
  co_return true;
}

Task<> answer_page(Api& api, Exchange exchange, std::string asker, Feed::Place after, std::size_t limit) {
  auto& thread = exchange.connection.thread();
  const bool proven = co_await is_proven(api, thread);
  if (!proven) co_return send_problem(exchange.response, 503, "not_current", not_current);
  const auto stamp = api.feed.stamp({});
  const auto reading = co_await read_feed(api, thread, std::move(asker), std::move(after), limit);
  if (!reading)
    send_problem(exchange.response, reading.error());
  else if (reading->gone)
    send_gone(exchange.response, reading->published, stamp);
  else
    send_page(exchange.response, *reading, stamp);
}

Task<> stream(Api& api, Exchange exchange, std::string asker, Feed::Place place, Authority authority) {
  auto& [position, journal] = place;
  auto& connection = exchange.connection;
  auto& thread = connection.thread();
  const bool is_chunked = !exchange.request.is_http_1_0;
  exchange.response.header("Cache-Control", "no-store");
  exchange.response.header("X-Accel-Buffering", "no");  // nginx would buffer the events
  exchange.response.begin_stream(200, "text/event-stream", is_chunked);
  exchange.response.close_after();
  connection.enter(Connection::Phase::streaming);
  auto beat_at = std::chrono::steady_clock::now();  // at once: shows the reader that it is up to date
  while (!thread.is_draining() && (api.standing == nullptr || api.standing->is_current())) {
    const auto seen = thread.news().count();  // before reading: sending may take long
    auto stamp = api.feed.stamp({});          // the same: a heartbeat proves nothing about what came after it
    const auto reading = co_await read_feed(api, thread, asker, place, default_page_events);
    if (!reading && reading.error() == engine::errc::overloaded) {
      co_await thread.news().wait(full_pool_retry, seen);
      continue;
    }
    if (!reading || reading->gone) break;
    // After the reading: a reader must not get events from after the end of its own authority.
    if (authority.recheck() != Authority::Standing::good) {
      log(Level::info, "a stream ended: its reader is no longer authorized",
          {{"request_id", exchange.request.id}, {"address", exchange.request.remote_address}});
      break;
    }
    position = reading->position;
    journal = api.engine.journal_id_of(position.epoch);
    for (const auto& item : reading->items) {
      append_event(connection.output(), is_chunked, item.position,
                   api.engine.journal_id_of(item.position.epoch), *item.message);
    }
    const auto now = std::chrono::steady_clock::now();
    // Built from the end of the reading: a heartbeat is never ahead of a message.
    if (!reading->more && now >= beat_at) {
      stamp.journal = journal;
      stamp.report_ms = api.gateways->report_ms();
      append_event(connection.output(), is_chunked, position, journal,
                   cache::encode_heartbeat(position.epoch, position.sequence, stamp));
      beat_at = now + heartbeat_every;
    }
    if (!co_await connection.flush()) co_return;
    if (reading->more) {
      // A fast reader must not starve the others of its thread.
      co_await cache::asio::post(thread.executor(), cache::asio::use_awaitable_t<cache::Executor>());
      continue;
    }
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(beat_at - now);
    co_await thread.news().wait(std::max(rest, std::chrono::milliseconds(1)), seen);
  }
  if (is_chunked) connection.output().append("0\r\n\r\n");
}

// A reader that is ahead of an engine that follows is not told that its position is gone before the engine is
// known to be up to date: it may only be behind.
Task<> open_stream(Api& api, Exchange exchange, std::string asker, Feed::Place place, Authority authority) {
  const auto can_continue = [&] {
    return api.engine.can_continue(place.position, api.feed.published().sequence, place.journal);
  };
  if (!can_continue()) {
    const bool proven = co_await is_proven(api, exchange.connection.thread());
    if (!proven) co_return send_problem(exchange.response, 503, "not_current", not_current);
    const auto stamp = api.feed.stamp({});
    const auto published = api.feed.place();
    if (!can_continue()) co_return send_gone(exchange.response, published, stamp);
  }
  co_await stream(api, exchange, std::move(asker), std::move(place), std::move(authority));
}

}  // namespace

Outcome show_invalidations(Api& api, Call& call) {
  const auto& request = call.request();
  const bool wants_stream = request[Header::accept].find("text/event-stream") != std::string_view::npos;
  auto after = call.query.value_or_empty("after");
  if (wants_stream && request[Header::last_event_id].data() != nullptr)
    after = request[Header::last_event_id];

  auto place = api.feed.place();
  if (!after.empty()) {
    place = {};
    if (!read_feed_place(after, place))
      return refuse(call, 400, "invalid_field", "Last-Event-ID must be the id of an event of this feed");
  }
  if (const auto* const journal = call.query.find("journal")) place.journal = *journal;
  const auto limit = limit_of(call.query, default_page_events);
  if (!call.principal.reach.is_unlimited())
    return refuse(call, 403, "forbidden", "the feed has events of every tenant");
  if (!wants_stream || call.response().is_head())
    return {0, answer_page(api, call.exchange, asker_of(call.principal), std::move(place), limit)};
  Authority authority(api.authenticator, call.dialect.present(request), engine::Permission::gateway);
  return {0,
          open_stream(api, call.exchange, asker_of(call.principal), std::move(place), std::move(authority))};
}

}  // namespace revoked::net
