#include "cache/edge/gateway_state.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::gateway_state_test {

using Coverage = Gateway::Coverage;
using namespace std::chrono_literals;

class GatewayStateTest : public testing::Test {
 protected:
  static Monotonic at(std::chrono::milliseconds time) { return Monotonic(1h) + time; }

  // The engine is at 3-100; its wall clock shows 5000 s at time zero.
  void start() {
    const Page page{{3, 100}, false, {}, "j3", {}, 5'000'000, 1000};
    follower.on_page(page, at(0ms));
    follower.on_page(page, at(0ms));
    state.show(follower, at(0ms));
  }
  Gateway::Status status(std::chrono::milliseconds time) const {
    Gateway::Status status{};
    state.write_to(status, at(time));
    return status;
  }

  Follower follower{{}};
  GatewayState state{Follower::Options().lease};
};

TEST_F(GatewayStateTest, IsStaleBeforeTheFirstProof) {
  EXPECT_TRUE(state.is_stale(at(0ms)));
  EXPECT_FALSE(state.is_trusted());
  EXPECT_EQ(status(0ms).coverage, Coverage::stale);
  EXPECT_EQ(status(0ms).since_proof, std::chrono::milliseconds::max());
  EXPECT_FALSE(status(0ms).position);
}

TEST_F(GatewayStateTest, ShowsTheFollower) {
  start();
  EXPECT_EQ(status(1s).coverage, Coverage::fresh);
  EXPECT_EQ(status(1s).position, (Position{3, 100}));
  EXPECT_EQ(status(1s).journal, "j3");
  EXPECT_EQ(status(1s).since_proof, 1s);
  EXPECT_EQ(state.engine_time(at(1s)), 5'001'000);
}

TEST_F(GatewayStateTest, IsStaleOnceTheLeaseIsOverEvenIfNothingIsShown) {
  start();
  EXPECT_FALSE(state.is_stale(at(2999ms)));
  EXPECT_TRUE(state.is_stale(at(3000ms)));
  EXPECT_EQ(status(4s).coverage, Coverage::stale);
  EXPECT_EQ(status(4s).since_proof, 4s);
}

TEST_F(GatewayStateTest, CountsTheTimeInWhichItWasStale) {
  state.count_stale(at(-2s));
  start();
  EXPECT_EQ(status(0ms).stale_for, 2s) << "before the first proof";
  state.count_stale(at(2900ms));
  state.count_stale(at(3100ms));
  EXPECT_EQ(status(0ms).stale_for, 2100ms) << "from the end of the lease";
  state.count_stale(at(3100ms));
  state.count_stale(at(5s));
  EXPECT_EQ(status(0ms).stale_for, 4s);
}

TEST_F(GatewayStateTest, IsRepairingBetweenLostTrustAndTheNextShow) {
  start();
  state.distrust();
  EXPECT_FALSE(state.is_trusted());
  EXPECT_EQ(status(1s).coverage, Coverage::repairing);
  state.show(follower, at(1s));
  EXPECT_EQ(status(1s).coverage, Coverage::fresh);
}

}  // namespace revoked::cache::gateway_state_test
