// Follower and near cache against many seeded schedules.
//   REVOKED_SIMULATION_SCHEDULES=n  number of schedules (default 30,000; 5,000 under sanitizers)
//   REVOKED_SIMULATION_SEED=n       replays one schedule with a trace

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "tests/simulation/simulation.hpp"

namespace revoked::simulation::follower_simulation_test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t default_schedules = 5'000;
#else
constexpr std::uint64_t default_schedules = 30'000;
#endif

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(FollowerSimulation, NeverAllowsARevokedKeyAndAlwaysConverges) {
  if (std::getenv("REVOKED_SIMULATION_SEED")) {
    Simulation simulation(number_from_environment("REVOKED_SIMULATION_SEED", 0), {}, true);
    EXPECT_TRUE(simulation.run().empty());
    return;
  }
  std::uint64_t look_ups = 0, allowed = 0;
  int failures = 0;
  const auto schedules = number_from_environment("REVOKED_SIMULATION_SCHEDULES", default_schedules);
  for (std::uint64_t seed = 1; seed <= schedules && failures < 5; ++seed) {
    Simulation simulation(seed, {});
    const auto& violations = simulation.run();
    look_ups += simulation.look_ups();
    allowed += simulation.allowed_from_cache();
    if (violations.empty()) continue;
    ++failures;
    ADD_FAILURE() << violations.front() << "\nreplay: REVOKED_SIMULATION_SEED=" << seed
                  << " and --gtest_filter=FollowerSimulation.NeverAllowsARevokedKeyAndAlwaysConverges";
  }
  RecordProperty("look_ups", std::to_string(look_ups));
  RecordProperty("allowed_from_cache", std::to_string(allowed));
  // A simulation that rarely allows from the cache proves nothing.
  if (failures == 0) {
    EXPECT_GT(allowed, look_ups / 100);
  }
}

// Forged messages on an unsigned channel cost questions, never a denial.
TEST(FollowerSimulation, P14GenuineForgersAndOtherEnginesCostQuestionsOnly) {
  std::uint64_t look_ups = 0, untrusting = 0;
  const auto schedules = number_from_environment("REVOKED_SIMULATION_SCHEDULES", default_schedules) / 20;
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    Simulation simulation(seed, {}, false, Kind::calm);
    const auto& violations = simulation.run();
    ASSERT_TRUE(violations.empty()) << violations.front() << "\nwith the calm seed " << seed;
    look_ups += simulation.look_ups();
    untrusting += simulation.untrusting();
  }
  EXPECT_LT(untrusting, look_ups / 10) << "look-ups for which the cache was not trusted";
}

// Engines that share a journal, some of them behind, fail in any order.
TEST(FollowerSimulation, NeverAllowsARevokedKeyWithSeveralEngines) {
  const auto replayed = number_from_environment("REVOKED_SIMULATION_SEED", 0);
  std::uint64_t look_ups = 0, allowed = 0;
  const auto schedules = number_from_environment("REVOKED_SIMULATION_SCHEDULES", default_schedules) / 6;
  for (std::uint64_t seed = std::max<std::uint64_t>(replayed, 1); seed <= std::max(schedules, replayed);
       ++seed) {
    Simulation simulation(seed, {}, replayed != 0, Kind::several_engines);
    const auto& violations = simulation.run();
    ASSERT_TRUE(violations.empty()) << violations.front() << "\nwith the seed " << seed;
    look_ups += simulation.look_ups();
    allowed += simulation.allowed_from_cache();
    if (replayed != 0) return;
  }
  EXPECT_GT(allowed, look_ups / 100);
}

// The simulation must find planted bugs.
struct Planted {
  const char* name;
  Faults faults;
  Kind kind = Kind::one_engine;
};
void PrintTo(const Planted& planted, std::ostream* out) { *out << planted.name; }

class PlantedFault : public testing::TestWithParam<Planted> {};

TEST_P(PlantedFault, IsSeenBySimulation) {
  // Found by a wrong allow: a failure to converge would be too easy to find.
  int wrong_allows = 0;
  std::uint64_t seed = 0;
  while (wrong_allows == 0 && ++seed <= 5'000) {
    Simulation simulation(seed, GetParam().faults, false, GetParam().kind);
    simulation.run();
    wrong_allows = simulation.wrong_allows();
  }
  EXPECT_GT(wrong_allows, 0) << GetParam().name << " was not found";
  std::cout << "found with seed " << seed << '\n';
}

INSTANTIATE_TEST_SUITE_P(
    Each, PlantedFault,
    testing::Values(Planted{"RestampsFills", {.restamps_fills = true}},
                    Planted{"IgnoresGaps", {.ignores_gaps = true}},
                    Planted{"IgnoresEpochs", {.ignores_epochs = true}},
                    Planted{"IgnoresFlushes", {.ignores_flushes = true}},
                    Planted{"IgnoresLeases", {.ignores_leases = true}},
                    Planted{"IgnoresMarks", {.ignores_marks = true}},
                    Planted{"IgnoresLocks", {.ignores_locks = true}},
                    Planted{"ComparesSequencesOnly", {.compares_sequences_only = true}},
                    Planted{"IgnoresJournals", {.ignores_journals = true}},
                    Planted{"TrustsUnsignedMessages", {.trusts_unsigned_messages = true}},
                    Planted{"LeasesFromArrival", {.leases_from_arrival = true}},
                    Planted{"UsesItsOwnClock", {.uses_own_clock = true}},
                    Planted{"SharesOldQuestions", {.shares_old_questions = true}},
                    Planted{"KeepsAnswersToRecheck", {.keeps_answers_to_recheck = true}},
                    Planted{"ObeysAnyEngine", {.obeys_any_engine = true}, Kind::several_engines},
                    Planted{"MixesClocks", {.mixes_clocks = true}, Kind::several_engines}),
    [](const auto& planted) { return planted.param.name; });

}  // namespace revoked::simulation::follower_simulation_test
