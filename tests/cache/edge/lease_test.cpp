#include "cache/edge/lease.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::lease_test {

using namespace std::chrono_literals;

Monotonic at(std::chrono::milliseconds time) { return Monotonic(1h) + time; }

TEST(Lease, IsOverBeforeTheFirstProof) {
  const Lease lease(3s);
  EXPECT_TRUE(lease.is_over(at(0s)));
  EXPECT_EQ(lease.end(), Monotonic{});
}

TEST(Lease, EndsItsLengthAfterTheLatestProof) {
  Lease lease(3s);
  lease.extend(at(1s));
  lease.extend(at(500ms));
  EXPECT_EQ(lease.end(), at(4s));
  EXPECT_FALSE(lease.is_over(at(3999ms)));
  EXPECT_TRUE(lease.is_over(at(4s)));
}

TEST(Lease, IsEndingInItsLastThird) {
  Lease lease(3s);
  lease.extend(at(0s));
  EXPECT_FALSE(lease.is_ending(at(1999ms)));
  EXPECT_TRUE(lease.is_ending(at(2s)));
}

TEST(Lease, RequiresAPageThatWasRequestedAfterTheRequirement) {
  Lease lease(3s);
  lease.require_page(at(1s));
  lease.confirm(at(999ms), at(999ms), at(1010ms));
  EXPECT_TRUE(lease.requires_page());
  lease.confirm(at(1s), at(1s), at(1010ms));
  EXPECT_FALSE(lease.requires_page());
}

TEST(Lease, RequiresAnotherPageIfTheProofIsAlreadyTooOld) {
  Lease lease(3s);
  lease.confirm(at(0s), at(0s), at(4s));
  EXPECT_TRUE(lease.is_over(at(4s)));
  EXPECT_TRUE(lease.requires_page());
}

}  // namespace revoked::cache::lease_test
