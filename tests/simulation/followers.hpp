#pragma once
// The other engines that share the journal: each has what was durable a while ago, by a clock of its own, and
// serves while that is not too long.

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/publishers.hpp"

namespace revoked::simulation {

class Followers {
 public:
  static constexpr Ms most_lag = 150;  // of an engine that serves

  Followers(Schedule& schedule, const Publishers& publishers, int count)
      : schedule_(schedule), publishers_(publishers) {
    for (int i = 0; i < count; ++i) {
      // Some have run for little less than the leader: times of both would be taken for each other.
      const Ms before = schedule_.chance(50) ? 100'000 : EngineModel::time_before_leading;
      followers_.push_back(
          {"f" + std::to_string(i), -schedule_.pick(1, before), schedule_.pick(0, 30), 0, 0});
    }
  }

  std::size_t count() const { return followers_.size(); }

  // Must be called often.
  void record() {
    const auto& engine = publishers_.engine();
    if (engine.durable() != 0 && (history_.empty() || engine.durable() != history_.back().engine.durable()))
      history_.push_back({schedule_.now(), engine});
    while (history_.size() > 1 && history_[1].since + most_lag < schedule_.now()) history_.pop_front();
  }

  // One stops reading the journal for a while, and serves as long as it may, or is away.
  void disturb() {
    auto& follower = followers_[schedule_.pick_index(count())];
    auto& until = schedule_.chance(50) ? follower.stuck_until : follower.away_until;
    if (follower.stuck_until < schedule_.now()) follower.stuck_since = schedule_.now();
    until = schedule_.now() + schedule_.pick(50, 1500);
    schedule_.log(follower.clock, &until == &follower.away_until ? " away" : " stuck", " until ", until);
  }

  // Empty: it does not serve.
  std::optional<EngineModel> find(std::size_t number) const {
    const auto& follower = followers_[number];
    const auto now = schedule_.now();
    const auto since = follower.stuck_until > now ? follower.stuck_since : now;
    const auto seen = std::min(since, now - follower.lag);
    if (history_.empty() || follower.away_until > now || now - seen > most_lag) return {};
    const Seen* newest = nullptr;
    for (const auto& each : history_) {
      if (each.since <= seen) newest = &each;
    }
    if (newest == nullptr) return {};
    auto engine = newest->engine;
    engine.become_follower(follower.started, follower.clock);
    return engine;
  }

 private:
  struct Follower {
    std::string clock;
    Ms started;
    Ms lag;
    Ms away_until;
    Ms stuck_until;
    Ms stuck_since = 0;
  };
  struct Seen {
    Ms since;
    EngineModel engine;
  };

  Schedule& schedule_;
  const Publishers& publishers_;
  std::vector<Follower> followers_;
  std::deque<Seen> history_;  // when an amount of events became durable
};

}  // namespace revoked::simulation
