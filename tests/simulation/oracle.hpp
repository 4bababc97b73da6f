#pragma once
// Verifies what gateways allow, and that they converge in the end.

#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/gateway_model.hpp"
#include "tests/simulation/publishers.hpp"
#include "tests/simulation/schedule.hpp"

namespace revoked::simulation {

class Oracle {
 public:
  // `most_lag`: of the engines that serve.
  Oracle(Schedule& schedule, const Publishers& publishers, Ms most_lag)
      : schedule_(schedule), publishers_(publishers), bound_(lease + skew + most_lag) {}

  // Descriptions; empty: none.
  const std::vector<std::string>& violations() const { return violations_; }
  int wrong_allows() const { return wrong_allows_; }

  // Verifies a check that was allowed and began at `begun`.
  void check_allowed(const GatewayModel& gateway, std::size_t key, Ms begun, bool from_cache) {
    const auto created = engine().created_at(key);
    const auto& expires_at = engine().keys()[key].expires_at;
    const bool has_received_the_time = schedule_.now() > publishers_.stepped_at() + bound_;
    if (from_cache && has_received_the_time && expires_at && publishers_.wall() >= *expires_at)
      fail(gateway, key, "after it had expired");
    const auto& received = gateway.received;
    for (Sequence s = 1; s <= engine().published(); ++s) {
      if (!engine().revokes(s, key, created)) continue;
      const auto& entry = *engine().entry(s);
      const auto received_at = received.find({entry.journal, s});
      if (received_at != received.end() && (from_cache || received_at->second < begun))
        fail(gateway, key, "after its revocation was received");
      if (from_cache && entry.durable_at >= 0 && schedule_.now() > entry.durable_at + bound_)
        fail(gateway, key, "a lease after its revocation was acknowledged");
    }
    check_locks(gateway, key, begun, from_cache);
  }

  // `what`: of a wrong allow.
  void fail(const GatewayModel& gateway, std::size_t key, const std::string& what) {
    ++wrong_allows_;
    report("at " + std::to_string(schedule_.now()) + " ms " + gateway.name + " allowed " +
           engine().keys()[key].id + " " + what);
  }

  void check_convergence(GatewayModel& gateway, Ms own_wall) {
    if (gateway.follower.position() != engine().end() || !gateway.follower.trusts_cache() ||
        gateway.follower.is_stale(at_ms(schedule_.now()))) {
      report(gateway.name + " did not converge on " + text(engine().end()) + describe(gateway));
    }
    for (std::size_t key = 0; key < key_count; ++key) {
      using Answer = GatewayModel::Answer;
      const auto truth = engine().verify(key, publishers_.wall());
      auto answer = gateway.look_up(digest_of(key), schedule_.now(), own_wall);
      if (answer == Answer::ask_and_keep) {
        gateway.keep(digest_of(key), truth, gateway.cache.moment());
        answer = gateway.look_up(digest_of(key), schedule_.now(), own_wall);
      }
      const bool active = truth.state == Decision::State::active;
      // A gateway uses an upper bound of the engine's clock, so keys expire slightly earlier.
      if (active && truth.expires_at && *truth.expires_at < publishers_.wall() + skew) continue;
      // A key whose lock had ended before the engine's clock was set back was asked about then.
      if (truth.locked_until && is_over(*truth.locked_until)) continue;
      if (active != (answer == Answer::allowed)) {
        report("in the end " + gateway.name + (active ? " denies " : " allows ") + engine().keys()[key].id);
      }
    }
  }

  // The state of its follower.
  std::string describe(const GatewayModel& gateway) const {
    const auto& follower = gateway.follower;
    const auto now = at_ms(schedule_.now());
    const auto wall = publishers_.wall();
    return " -> " + (follower.position() ? text(*follower.position()) : "none") +
           (follower.trusts_cache() ? "" : " repairing") + (follower.is_stale(now) ? " stale" : "") +
           " clock " + std::to_string(follower.engine_time(now).value_or(wall) - wall);
  }

 private:
  // Verifies that the gateway could not have known a lock. A lock holds until its end is published; locks
  // restored by an older copy are not checked.
  void check_locks(const GatewayModel& gateway, std::size_t key, Ms begun, bool from_cache) {
    if (publishers_.restored_at() >= 0 && schedule_.now() <= publishers_.restored_at() + lease + skew) return;
    const auto& owners = engine().keys()[key];
    for (const auto& lock :
         {engine().lock_of(Scope::user, owners.user), engine().lock_of(Scope::workspace, owners.workspace)}) {
      if (lock.until == 0 || lock.lifted_by != 0 || is_over(lock.until)) continue;
      const auto& entry = *engine().entry(lock.locked_by);
      const auto received_at = gateway.received.find({entry.journal, lock.locked_by});
      if (received_at != gateway.received.end() && (from_cache || received_at->second < begun))
        fail(gateway, key, "after its lock was received");
      if (from_cache && entry.durable_at >= 0 && schedule_.now() > entry.durable_at + bound_)
        fail(gateway, key, "a lease after its lock was acknowledged");
    }
  }

  // True if it may be over by one of the clocks.
  bool is_over(Ms until) const {
    return until != EngineModel::forever &&
           (publishers_.stepped_at() > 0 || until <= publishers_.wall() + skew);
  }

  void report(std::string violation) {
    schedule_.log(violation);
    violations_.push_back(std::move(violation));
  }
  const EngineModel& engine() const { return publishers_.engine(); }

  Schedule& schedule_;
  const Publishers& publishers_;
  const Ms bound_;
  int wrong_allows_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace revoked::simulation
