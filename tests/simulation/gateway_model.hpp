#pragma once
// A gateway without its network: follower and near cache, wired as the real one wires them, and the faults
// that the simulation must be able to see.

#include <deque>
#include <functional>
#include <set>

#include "cache/follower.hpp"
#include "cache/near_cache.hpp"
#include "tests/simulation/engine_model.hpp"

namespace revoked::simulation {

using cache::Follower;
using cache::Monotonic;
using cache::NearCache;

inline Monotonic at_ms(Ms now) { return Monotonic(std::chrono::milliseconds(now)); }

// Bugs that can be planted.
struct Faults {
  bool restamps_fills = false;           // an answer counts as if it had been given just now
  bool ignores_gaps = false;             // what is missing is taken as never sent
  bool ignores_epochs = false;           // a new epoch is taken as the old one going on
  bool ignores_flushes = false;          // the near cache keeps what the follower has given up
  bool ignores_leases = false;           // nobody looks whether the lease has run out
  bool compares_sequences_only = false;  // an event's epoch is not told to the near cache
  bool ignores_marks = false;            // owner revocations are not applied
};

class GatewayModel {
 public:
  GatewayModel(Follower::Options follower_options, NearCache::Options cache_options, Faults planted)
      : follower(follower_options), cache(cache_options), faults(planted) {}

  // What became of a look-up without asking.
  enum class Answer { denied_stale, ask_and_drop, ask_and_keep, allowed, denied };
  Answer look_up(const engine::Digest& digest, Ms now, Ms wall) const {
    if (!faults.ignores_leases && follower.is_stale(at_ms(now))) return Answer::denied_stale;
    if (!follower.trusts_cache()) return Answer::ask_and_drop;
    const auto decision = cache.find(digest, wall);
    if (!decision) return Answer::ask_and_keep;
    return decision->state == Decision::State::active ? Answer::allowed : Answer::denied;
  }

  void keep(const engine::Digest& digest, Decision decision) {
    if (!follower.trusts_cache()) return;
    if (faults.restamps_fills) decision.as_of = *follower.position();
    if (faults.ignores_epochs) decision.as_of.epoch = follower.position()->epoch;
    cache.fill(digest, std::move(decision));
  }

  std::optional<Position> on_message(Message message, Ms now) {
    if (const auto position = follower.position()) {
      if (faults.ignores_epochs) message.epoch = position->epoch;
      if (faults.ignores_gaps && message.epoch == position->epoch && message.first > position->sequence) {
        message.first = position->sequence + 1;
        if (message.events.empty()) message.last = std::max(message.last, position->sequence);
      }
    }
    return perform(follower.on_message(std::move(message), at_ms(now)));
  }

  std::optional<Position> on_page(EngineModel::PageAnswer answer, Ms now) {
    if (faults.ignores_epochs && follower.position()) {
      const auto epoch = follower.position()->epoch;
      if (answer.gone) answer = {false, {*follower.position(), false, {}}};
      answer.page.position.epoch = epoch;
      for (auto& message : answer.page.messages) message.epoch = epoch;
    }
    if (answer.gone) return perform(follower.on_page_gone(answer.page.position, at_ms(now)));
    return perform(follower.on_page(std::move(answer.page), at_ms(now)));
  }
  std::optional<Position> on_page_failed(Ms now) { return perform(follower.on_page_failed(at_ms(now))); }
  std::optional<Position> tick(Ms now) { return perform(follower.tick(at_ms(now))); }

  Follower follower;
  NearCache cache;
  Faults faults;
  std::set<Position> applied;  // what the follower has ever applied
  Ms paused_until = 0;
  std::deque<std::function<void()>> inbox;  // what came in meanwhile

 private:
  std::optional<Position> perform(Follower::Actions actions) {
    if (actions.flush && !faults.ignores_flushes) {
      cache.flush(*actions.flush);
      epoch_ = actions.flush->epoch;
    }
    for (auto& event : actions.apply) {
      if (faults.ignores_marks && event.type == Invalidation::Type::owner_revoked) continue;
      applied.insert({event.epoch, event.sequence});
      if (faults.compares_sequences_only) event.epoch = 0;
      cache.apply(event);
    }
    const auto position = follower.position();
    if (position && position->epoch > epoch_) {
      epoch_ = position->epoch;
      cache.advance(epoch_);
    }
    return actions.request_after;
  }

  Epoch epoch_ = 0;
};

}  // namespace revoked::simulation
