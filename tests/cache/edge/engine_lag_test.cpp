#include "cache/edge/engine_lag.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::engine_lag_test {

using namespace std::chrono_literals;
using engine::Position;

Monotonic at(std::chrono::milliseconds time) { return Monotonic(1h) + time; }

TEST(EngineLag, LastsWhileTheEngineDoesNotReachWhatWasKnownWhenItWasFound) {
  EngineLag lag(2s);
  EXPECT_FALSE(lag.is_lasting(at(0s)));
  EXPECT_FALSE(lag.on_behind({3, 100}, {3, 105}, at(0s)));
  EXPECT_FALSE(lag.is_lasting(at(199ms)));
  EXPECT_FALSE(lag.on_behind({3, 104}, {3, 110}, at(150ms)));
  EXPECT_TRUE(lag.is_lasting(at(200ms)));
  EXPECT_FALSE(lag.is_over(at(1999ms)));
  EXPECT_TRUE(lag.is_over(at(2s)));
}

TEST(EngineLag, ProvesWhatItWouldHaveProvedWhenItWasFound) {
  EngineLag lag(2s);
  lag.on_behind({3, 100}, {3, 105}, at(0s));
  EXPECT_EQ(lag.on_behind({3, 105}, {3, 110}, at(1s)), at(0s));
  EXPECT_FALSE(lag.is_lasting(at(1100ms))) << "it is not stuck";
  EXPECT_EQ(lag.on_behind({3, 112}, {3, 115}, at(2s)), at(1s));
  lag.on_reached();
  EXPECT_FALSE(lag.is_over(at(1h)));
  EXPECT_FALSE(lag.on_behind({3, 115}, {3, 116}, at(3s)));
}

TEST(EngineLag, OfAnOlderEpochProvesNothing) {
  EngineLag lag(2s);
  lag.on_behind({3, 100}, {3, 105}, at(0s));
  EXPECT_FALSE(lag.on_behind({3, 110}, {4, 111}, at(100ms)));
  EXPECT_TRUE(lag.is_lasting(at(200ms)));
}

TEST(EngineLag, IsNotOverWhileAnotherEngineHasWhatIsKnown) {
  EngineLag lag(2s);
  lag.on_behind({3, 100}, {3, 105}, at(0s));
  for (auto time = 0s; time < 10s; time += 1s) lag.on_reached_elsewhere(at(time));
  EXPECT_FALSE(lag.is_over(at(10s)));
  EXPECT_TRUE(lag.is_lasting(at(10s)));
  EXPECT_TRUE(lag.is_over(at(11s)));
}

}  // namespace revoked::cache::engine_lag_test
