#pragma once
// Random faults, several at a time, each undone after a random time. On the thread that created the world.

#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>

#include "tests/soak/load.hpp"
#include "tests/soak/world.hpp"

namespace revoked::soak {

class Faults {
 public:
  Faults(World& world, Shared& shared, std::uint32_t seed);

  // Starts a fault when the next is due, and undoes those that have lasted. Unless `may_end_engine`, the
  // engine is only paused.
  void tick(bool may_end_engine);
  void undo_all();
  // Counts by kind.
  const std::map<std::string, int>& made() const { return made_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Undo {
    std::string kind;
    std::function<void()> action;
  };

  std::chrono::milliseconds pick(int least, int most) {
    return std::chrono::milliseconds(std::uniform_int_distribution(least, most)(random_));
  }
  void make(bool may_end_engine);
  // False if there is one of the kind already. It is counted as `told_as`.
  bool begin(const std::string& kind, const std::string& told_as);
  bool begin(const std::string& kind) { return begin(kind, kind); }
  void undo_later(const std::string& kind, std::function<void()> action);
  void restart_engine(bool is_killed);
  void stop_engine();
  void fill_disk();
  void empty_disk();
  void stop_gateway();
  void restart_gateway();
  void take_redis_away(bool is_killed);
  void cut_links();
  void harm_bus();

  World& world_;
  Shared& shared_;
  std::mt19937 random_;
  Clock::time_point next_{};
  std::multimap<Clock::time_point, Undo> undo_;
  std::set<std::string> under_way_;
  std::map<std::string, int> made_;
  std::unique_lock<std::shared_mutex> engine_is_stopped_;
};

}  // namespace revoked::soak
