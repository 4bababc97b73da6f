#pragma once
// Drives a gateway's follower: passes it messages, pages, answers and the time, and carries out its actions,
// which change the near cache and the state that other threads read, are reported, and request pages. On the
// gateway's thread only. Everything that it refers to must outlive it.

#include <functional>
#include <optional>
#include <string_view>

#include "cache/edge/engine_client.hpp"
#include "cache/edge/follower.hpp"
#include "cache/edge/gateway_state.hpp"
#include "cache/edge/log_throttle.hpp"
#include "cache/edge/near_cache.hpp"
#include "cache/edge/reports.hpp"

namespace revoked::cache {

class FollowerDriver {
 public:
  // `after_page` is called whenever a page has been received, or has failed; `on_actions` after each change
  // of the near cache.
  FollowerDriver(const Follower::Options& options, EngineClient& client, NearCache& cache,
                 GatewayState& state, Reports& reports, LogThrottle& log,
                 std::function<void(Monotonic now)> after_page,
                 std::function<void(const Follower::Actions& actions)> on_actions);

  const Follower& follower() const { return follower_; }

  // Returns whether it may be a message of our engine, in its present journal: others do not prove that it is
  // up.
  bool on_message(std::string_view json, Follower::Source source, Monotonic now);
  // The engine no longer has the events after our position.
  void on_gone(const Page& engine_now, Monotonic now);
  void on_decision(const Decision& decision, Monotonic now);
  void on_engine_changed(Monotonic now) {
    next_begin_ = {};
    act(follower_.on_engine_changed(now), now);
  }
  void set_fed(bool fed) { follower_.set_fed(fed); }
  void tick(Monotonic now);  // at least every 100 ms
  void stop();               // pages received later are ignored

 private:
  using PageResult = engine::result<EngineClient::PageAnswer>;

  void count(const Message& message, Follower::Source source);
  void act(const Follower::Actions& actions, Monotonic now);
  void request_page(std::optional<Position> after);
  void read_page(std::optional<Position> after, void (FollowerDriver::*take)(const PageResult&, Monotonic));
  void on_page(const PageResult& answer, Monotonic now);
  void on_position(const PageResult& answer, Monotonic now);

  Follower follower_;
  EngineClient& client_;
  NearCache& cache_;
  GatewayState& state_;
  Reports& reports_;
  LogThrottle& log_;
  const std::function<void(Monotonic)> after_page_;
  const std::function<void(const Follower::Actions&)> on_actions_;
  Epoch cache_epoch_ = 0;
  Monotonic next_begin_{};
  bool reads_page_ = false;
  bool stopped_ = false;
};

}  // namespace revoked::cache
