#include "cache/edge/page_requests.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::page_requests_test {

using namespace std::chrono_literals;

Monotonic at(std::chrono::milliseconds time) { return Monotonic(1h) + time; }

TEST(PageRequests, AreRepeatedAfterTheTimeout) {
  PageRequests requests(2s);
  EXPECT_TRUE(requests.may_add(at(0s)));
  requests.add({3, 100}, at(0s));
  EXPECT_FALSE(requests.may_add(at(1999ms)));
  EXPECT_TRUE(requests.may_add(at(2s)));
}

TEST(PageRequests, AttributeEachResponseToTheFirstOpenRequest) {
  PageRequests requests(2s);
  requests.add({3, 100}, at(0s));
  requests.add({3, 110}, at(2s));
  for (int i = 0; i < 2; ++i) {
    const auto request = requests.take();
    EXPECT_EQ(request.at, at(0s));
    EXPECT_EQ(request.after, (engine::Position{3, 100}));
  }
  EXPECT_FALSE(requests.any());
  requests.add({3, 120}, at(3s));
  EXPECT_EQ(requests.take().at, at(3s));
}

TEST(PageRequests, AreObsoleteAfterARestart) {
  PageRequests requests(2s);
  requests.make_obsolete();
  requests.add({3, 100}, at(0s));
  requests.add({3, 100}, at(2s));
  EXPECT_FALSE(requests.take().is_obsolete) << "no request was open at the restart";
  requests.make_obsolete();
  EXPECT_TRUE(requests.take().is_obsolete);
}

TEST(PageRequests, PauseAfterAUselessResponse) {
  PageRequests requests(2s);
  requests.back_off(at(0s));
  EXPECT_FALSE(requests.may_add(at(99ms)));
  EXPECT_TRUE(requests.may_add(at(100ms)));
}

}  // namespace revoked::cache::page_requests_test
