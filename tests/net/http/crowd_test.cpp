#include "net/http/crowd.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>

namespace revoked::net::crowd_test {

using namespace std::chrono_literals;
using Wait = Crowd::Wait;

struct Guest final : Crowd::Member {
  Guest(Crowd& its_crowd, Crowd::Origin origin) : crowd(its_crowd) { crowd.join(*this, origin); }
  ~Guest() { crowd.leave(*this); }
  void make_room() noexcept override {
    has_left = true;
    crowd.leave(*this);
  }
  Crowd& crowd;
  bool has_left = false;
};

class CrowdTest : public testing::Test {
 protected:
  CrowdTest() {
    limits_.connections = 16;
    limits_.held_bytes = 16'000;
  }
  Guest& add(Wait wait, Crowd::Origin origin = 1) {
    auto& guest = *guests_.emplace_back(std::make_unique<Guest>(crowd_, origin));
    crowd_.set_wait(guest, wait, now_);
    return guest;
  }
  // Later than everything before.
  void pass(std::chrono::milliseconds time = 10s) { now_ += time; }
  // Which member leaves for a newcomer. -1: none.
  int who_makes_room(Crowd::Origin newcomer = 99) {
    const bool made = crowd_.make_room(newcomer, now_);
    int who = -1;
    for (std::size_t i = 0; i < guests_.size(); ++i) {
      if (!guests_[i]->has_left || seen_[i]) continue;
      EXPECT_EQ(who, -1) << "one is enough";
      who = static_cast<int>(i);
      seen_[i] = true;
    }
    EXPECT_EQ(made, who != -1);
    return who;
  }

  ServerLimits limits_;
  Crowd crowd_{limits_};
  Crowd::Time now_{1h};
  std::vector<std::unique_ptr<Guest>> guests_;
  std::map<std::size_t, bool> seen_;
};

TEST_F(CrowdTest, WhoHasAskedForNothingGoesFirstThenWhoHasBeenIdleLongest) {
  add(Wait::request);
  pass();
  add(Wait::head);
  add(Wait::request);
  add(Wait::first_request);
  add(Wait::nothing);
  pass();
  EXPECT_EQ(who_makes_room(), 3);
  EXPECT_EQ(who_makes_room(), 0);
  EXPECT_EQ(who_makes_room(), 2);
  EXPECT_EQ(who_makes_room(), 1);
  EXPECT_EQ(who_makes_room(), -1) << "no member that is being served";
}

TEST_F(CrowdTest, WhoAsksAgainGoesToTheEnd) {
  auto& first = add(Wait::request);
  add(Wait::request);
  pass();
  crowd_.set_wait(first, Wait::nothing, now_);
  EXPECT_EQ(who_makes_room(), 1) << "the first is being served";
  crowd_.set_wait(first, Wait::request, now_);
  EXPECT_EQ(who_makes_room(), 0);
}

TEST_F(CrowdTest, WhoHasJustComeStaysIfOthersCanGo) {
  add(Wait::request);
  pass();
  add(Wait::first_request);
  EXPECT_EQ(who_makes_room(), 0);
  EXPECT_EQ(who_makes_room(), 1);
}

TEST_F(CrowdTest, WhoComesFromWhereMostComeFromGoesFirst) {
  add(Wait::request, 7);
  for (int i = 0; i < 5; ++i) add(Wait::request, 1);
  pass();
  EXPECT_EQ(who_makes_room(99), 1) << "an eighth of the connections is a share";
  EXPECT_EQ(who_makes_room(99), 2);
  EXPECT_EQ(who_makes_room(99), 3);
  EXPECT_EQ(who_makes_room(99), 0) << "two are no more than a share";
}

TEST_F(CrowdTest, BodiesAndAnswersEndOnlyForThoseWhoHaveLess) {
  for (int i = 0; i < 4; ++i) add(Wait::body, 1);
  add(Wait::taking, 2);
  pass();
  EXPECT_EQ(who_makes_room(1), -1);
  EXPECT_EQ(who_makes_room(99), 0);
  EXPECT_EQ(who_makes_room(99), 1);
  EXPECT_EQ(who_makes_room(99), -1);
}

TEST_F(CrowdTest, CountsWhoIsThere) {
  for (int i = 0; i < 16; ++i) add(Wait::request, static_cast<Crowd::Origin>(i));
  EXPECT_TRUE(crowd_.is_full());
  guests_.erase(guests_.begin() + 3);
  EXPECT_FALSE(crowd_.is_full());
  EXPECT_EQ(crowd_.size(), 15);
  crowd_.leave(*guests_[0]);
  crowd_.leave(*guests_[0]);
  EXPECT_EQ(crowd_.size(), 14);
}

TEST_F(CrowdTest, WhoHoldsTooMuchGoesWhenAllHoldTooMuch) {
  auto& small = add(Wait::taking);
  auto& large = add(Wait::taking);
  auto& served = add(Wait::nothing);
  auto& last = add(Wait::taking);
  crowd_.hold(small, 1'000);
  crowd_.hold(large, 9'000);
  crowd_.hold(served, 5'000);
  EXPECT_EQ(crowd_.held_bytes(), 15'000);
  crowd_.hold(last, 2'000);
  EXPECT_TRUE(large.has_left);
  EXPECT_FALSE(small.has_left);
  EXPECT_EQ(crowd_.held_bytes(), 8'000);
  crowd_.set_wait(last, Wait::nothing, now_);
  crowd_.hold(last, 12'000);
  EXPECT_TRUE(last.has_left) << "there is no other";
  EXPECT_FALSE(served.has_left);
  EXPECT_EQ(crowd_.held_bytes(), 6'000);
}

TEST(Origin, IsAnAddressOrItsNetwork) {
  const auto origin = [](const char* text) { return Crowd::origin_of(boost::asio::ip::make_address(text)); };
  EXPECT_NE(origin("10.0.0.1"), origin("10.0.0.2"));
  EXPECT_EQ(origin("10.0.0.1"), origin("::ffff:10.0.0.1"));
  EXPECT_EQ(origin("2001:db8:1:2::3"), origin("2001:db8:1:2:ffff::9"));
  EXPECT_NE(origin("2001:db8:1:2::3"), origin("2001:db8:1:3::3"));
}

}  // namespace revoked::net::crowd_test
