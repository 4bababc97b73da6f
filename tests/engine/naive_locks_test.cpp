// Locks of random callers, compared with a list of the locks held.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/engine/engine_harness.hpp"
#include "tests/engine/limited_callers.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::engine::naive_locks_test {

using test::caller_of;
using test::FakeDisk;
using test::Harness;
using test::limited_to;
using test::of_workspaces;

using Owners = std::array<std::string, 3>;

class NaiveLocks {
 public:
  bool lock(Scope named, const std::string& id, const Principal& by) {
    const auto all = combinations(named, id, by);
    for (const auto& owners : all) {
      auto& lock = standing_[owners];
      lock.by = lock.named.empty() ? width_of(&by.reach) : widest_of(lock.by, width_of(&by.reach));
      lock.named.insert(named);
    }
    return !all.empty();
  }
  errc unlock(Scope named, const std::string& id, const Principal& by) {
    const auto all = combinations(named, id, by);
    if (all.empty()) return errc::out_of_reach;
    std::vector<Owners> lifted;
    for (const auto& owners : all) {
      for (const auto& [some, lock] : standing_) {
        const bool is_lifted = some == owners || (lock.named.contains(named) && has(some, owners));
        if (is_lifted && !is_as_wide(width_of(&by.reach), lock.by)) return errc::locked_by_wider;
        if (is_lifted) lifted.push_back(some);
        if (!is_lifted && has(owners, some) && some[static_cast<std::size_t>(named)] == id)
          return errc::locked_by_wider;
      }
    }
    for (const auto& owners : lifted) standing_.erase(owners);
    return errc{};
  }
  bool locks(const Owners& key) const {
    return std::any_of(standing_.begin(), standing_.end(),
                       [&](const auto& lock) { return has(key, lock.first); });
  }

 private:
  struct Lock {
    Width by = 0;
    std::set<Scope> named;
  };
  static bool has(const Owners& owners, const Owners& some) {
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (!some[i].empty() && some[i] != owners[i]) return false;
    }
    return true;
  }
  static std::vector<Owners> combinations(Scope named, const std::string& id, const Principal& by) {
    std::vector<Owners> all;
    if (!by.reach.allows(named, id)) return all;
    all.emplace_back()[static_cast<std::size_t>(named)] = id;
    for (const Scope scope : all_scopes) {
      if (scope == named || !by.reach.limit(scope)) continue;
      std::vector<Owners> more;
      for (auto owners : all) {
        for (const auto& limit : *by.reach.limit(scope)) {
          owners[static_cast<std::size_t>(scope)] = limit;
          more.push_back(owners);
        }
      }
      all = std::move(more);
    }
    return all;
  }
  std::map<Owners, Lock> standing_;
};

TEST(LocksOfRandomCallers, AreThoseOfANaiveModel) {
  const std::vector<Principal> callers{
      {},
      of_workspaces({"w0"}),
      of_workspaces({"w1"}),
      of_workspaces({"w0", "w1"}),
      limited_to({{{}, {"a0"}, {}}}),
      limited_to({{{}, {"a0"}, {"w0"}}}),
      limited_to({{{"u0", "u1"}, {}, {"w1"}}}),
  };
  for (std::uint64_t seed = 1; seed <= (revoked::test::sanitized ? 2 : 20); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto disk = std::make_shared<FakeDisk>();
    Harness engine(disk);
    NaiveLocks naive;
    std::vector<Owners> keys;
    for (int step = 0; step < 250 && !testing::Test::HasFailure(); ++step) {
      const auto owner = [&](char kind) {
        const auto number = random() % 3;
        return number == 2 ? std::string() : std::string(1, kind) + std::to_string(number);
      };
      const auto dice = random() % 100;
      const Owners some{owner('u'), owner('a'), owner('w')};
      const auto scope = all_scopes[random() % 3];
      const auto& id = some[static_cast<std::size_t>(scope)];
      const auto& by = callers[random() % callers.size()];
      if (dice < 20) {
        ASSERT_TRUE(engine.create("k" + std::to_string(keys.size()), {some[0], some[1], some[2]}));
        keys.push_back(some);
      } else if (dice < 22) {
        engine.sync();
        engine.restart();
      } else if (!id.empty() && dice < 60) {
        const auto locked = engine->lock_owner(scope, id, 0, "", caller_of(by));
        ASSERT_EQ(locked.has_value(), naive.lock(scope, id, by));
      } else if (!id.empty()) {
        const auto unlocked = engine->unlock_owner(scope, id, "", caller_of(by));
        const auto expected = naive.unlock(scope, id, by);
        ASSERT_EQ(unlocked ? errc{} : static_cast<errc>(unlocked.error().value()), expected);
      }
      engine.sync();
      for (std::size_t key = 0; key < keys.size(); ++key) {
        ASSERT_EQ(engine.state("k" + std::to_string(key)),
                  naive.locks(keys[key]) ? KeyState::locked : KeyState::active);
      }
    }
  }
}

}  // namespace revoked::engine::naive_locks_test
