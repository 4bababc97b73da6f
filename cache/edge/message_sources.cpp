#include "cache/edge/message_sources.hpp"

#include <string>
#include <utility>

namespace revoked::cache {

MessageSources::MessageSources(asio::io_context& io, const Gateway::Options& options, EngineClient& client,
                               FollowerDriver& driver, GatewayState& state, LogThrottle& log)
    : keys_(options.bus_keys),
      redis_may_suffice_(options.redis && !options.bus_keys.empty()),
      client_(client),
      driver_(driver),
      state_(state),
      log_(log),
      redis_watch_(options.redis_silence) {
  if (!options.redis) return;
  subscriber_.emplace(
      io, *options.redis, std::string(invalidations_channel),
      [this](std::string_view json) { on_redis_message(json); },
      [this](bool connected, std::string_view reason) { on_redis_state(connected, reason); });
}

void MessageSources::choose_feed(Monotonic now) {
  if (stopped_) return;
  if (driver_.follower().is_stale(now)) redis_watch_.start_over();
  const bool wanted = !redis_may_suffice_ || redis_watch_.needs_feed(now);
  if (wanted == follows_feed_) return;
  follows_feed_ = wanted;
  if (wanted) return start_feed();
  client_.stop_stream();
  on_feed_state(false, "not needed");
}

void MessageSources::stop() {
  stopped_ = true;
  subscriber_.reset();
}

void MessageSources::on_redis_message(std::string_view json) {
  const auto now = engine::BootClock::now();
  auto source = Follower::Source::bus;
  if (!keys_.empty()) {
    source = Follower::Source::signed_bus;
    if (!keys_.is_signed(json)) {
      ++state_.unsigned_messages;
      return log_.log("redis", "a message without a valid signature");
    }
  }
  if (driver_.on_message(json, source, now)) redis_watch_.on_message(now);
  choose_feed(now);
}

void MessageSources::on_redis_state(bool connected, std::string_view detail) {
  state_.redis_connected = connected;
  redis_watch_.on_state(connected);
  log_.log("redis", describe_redis_state(connected, detail));
  choose_feed(engine::BootClock::now());
}

void MessageSources::start_feed() {
  EngineClient::StreamHandlers handlers;
  handlers.position = [this] { return driver_.follower().position(); };
  handlers.journal = [this] { return driver_.follower().journal(); };
  handlers.on_message = [this](std::string_view json) {
    const auto now = engine::BootClock::now();
    driver_.on_message(json, Follower::Source::engine, now);
    choose_feed(now);
  };
  handlers.on_gone = [this](const Page& engine_now) {
    driver_.on_gone(engine_now, engine::BootClock::now());
  };
  handlers.on_state = [this](bool connected, std::string_view reason) { on_feed_state(connected, reason); };
  client_.start_stream(std::move(handlers));
}

void MessageSources::on_feed_state(bool connected, std::string_view reason) {
  state_.feed_connected = connected;
  driver_.set_fed(connected);
  log_.log("feed", connected ? "connected" : reason);
}

}  // namespace revoked::cache
