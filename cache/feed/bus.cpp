#include "cache/feed/bus.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "engine/base/this_thread.hpp"

namespace revoked::cache {

Bus::Bus(Feed& feed, GatewayRegistry& gateways, const std::optional<RedisAddress>& address, BusKeys keys,
         OnRedisState on_state, OnRedisState on_reports_state)
    : feed_(feed), gateways_(gateways), keys_(std::move(keys)), timer_(io_.get_executor()) {
  if (address) {
    const auto named = [name = to_string(*address)](OnRedisState listener) {
      return [name, listener = std::move(listener)](bool connected, std::string_view detail) {
        listener(connected, name, detail);
      };
    };
    publisher_.emplace(io_, *address, named(std::move(on_state)));
    reports_.emplace(
        io_, *address, std::string(acks_channel), [this](std::string_view json) { on_report(json); },
        named(std::move(on_reports_state)));
    feed_.add_outlet([this](const Feed::Text& message) {
      publisher_->publish(
          invalidations_channel,
          keys_.empty() ? message : std::make_shared<const std::string>(keys_.sign(*message)));
    });
  }
  asio::co_spawn(io_, send_heartbeats(), rethrow);
  thread_ = std::thread([this] {
    engine::set_up_this_thread("bus", engine::Urgency::gathering);
    io_.run();
  });
}

Bus::~Bus() {
  asio::post(io_, [this] {
    stopping_ = true;
    timer_.cancel();
    if (publisher_) publisher_->stop();
    if (reports_) reports_->stop();
  });
  thread_.join();
}

void Bus::on_report(std::string_view json) {
  if (!keys_.empty() && !keys_.is_signed(json)) return unsigned_reports_.add();
  auto report = decode_report(json);
  if (report.has_error()) return unreadable_reports_.add();
  reports_received_.add();
  const auto known = feed_.find(report->applied, report->journal);
  using Origin = GatewayRegistry::Origin;
  const auto origin = keys_.empty() ? Origin::bus() : Origin::signed_bus();
  gateways_.on_report(std::move(*report), origin, known, engine::BootClock::now());
}

Bus::Counts Bus::counts() const {
  return {publisher_ ? publisher_->dropped() : 0, reports_received_.value(), unsigned_reports_.value(),
          unreadable_reports_.value()};
}

Task<> Bus::send_heartbeats() {
  while (!stopping_) {
    feed_.send_heartbeat(gateways_.report_ms());
    timer_.expires_after(std::chrono::seconds(1));
    co_await timer_.async_wait(as_result);
  }
}

}  // namespace revoked::cache
