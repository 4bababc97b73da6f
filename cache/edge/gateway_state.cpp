#include "cache/edge/gateway_state.hpp"

#include <algorithm>

namespace revoked::cache {

void GatewayState::show(const Follower& follower, Monotonic now) {
  {
    const engine::MutexLock lock(mutex_);
    position_ = follower.position();
    journal_ = follower.journal();
  }
  if (const auto time = follower.engine_time(now)) engine_ahead_ms_.store(*time - to_ms(now));
  count_stale(now);
  lease_end_.store(follower.lease_end());
  trusted_.store(follower.trusts_cache());
}

void GatewayState::count_stale(Monotonic now) {
  if (stale_counted_until_ == Monotonic()) stale_counted_until_ = now;
  const auto since = std::max(stale_counted_until_, lease_end_.load());
  if (now > since) stale_for_.store(stale_for_.load() + (now - since));
  stale_counted_until_ = std::max(now, stale_counted_until_);
}

void GatewayState::write_to(Gateway::Status& status, Monotonic now) const {
  const auto lease_end = lease_end_.load();
  status.coverage = coverage(now);
  status.since_proof =
      lease_end == Monotonic()
          ? std::chrono::milliseconds::max()
          : std::chrono::duration_cast<std::chrono::milliseconds>(now - (lease_end - lease_));
  {
    const engine::MutexLock lock(mutex_);
    status.position = position_;
    status.journal = journal_;
    status.engine = engine_;
  }
  status.engine_changes = engine_changes;
  status.watches = watches;
  status.redis_connected = redis_connected;
  status.feed_connected = feed_connected;
  status.hits = hits.value();
  status.misses = misses.value();
  status.questions = questions;
  status.failed_questions = failed_questions;
  status.repairs = repairs;
  status.flushes = flushes;
  status.invalidations = invalidations;
  status.foreign_messages = foreign_messages;
  status.unsigned_messages = unsigned_messages;
  status.unreadable_messages = unreadable_messages;
  status.applied_messages = applied_messages.value();
  status.known_messages = known_messages.value();
  status.heartbeats = heartbeats.value();
  status.hints = hints.value();
  status.ticks = ticks.value();
  status.stale_for = stale_for_.load();
}

}  // namespace revoked::cache
