#include "net/http/connection_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>

namespace revoked::net::connection_table_test {

using namespace std::chrono_literals;
using Wait = ConnectionTable::Wait;

struct TestConnection final : ConnectionTable::Entry {
  TestConnection(ConnectionTable& its_table, ConnectionTable::Origin origin) : table(its_table) {
    table.add(*this, origin);
  }
  ~TestConnection() { table.remove(*this); }
  void evict() noexcept override {
    is_evicted = true;
    table.remove(*this);
  }
  ConnectionTable& table;
  bool is_evicted = false;
};

class ConnectionTableTest : public testing::Test {
 protected:
  ConnectionTableTest() {
    limits_.connections = 16;
    limits_.held_bytes = 16'000;
  }
  TestConnection& add(Wait wait, ConnectionTable::Origin origin = 1) {
    auto& connection = *added_.emplace_back(std::make_unique<TestConnection>(connections_, origin));
    connections_.set_wait(connection, wait, now_);
    return connection;
  }
  // Later than everything before.
  void pass(std::chrono::milliseconds time = 10s) { now_ += time; }
  // Which connection is closed for a newcomer. -1: none.
  int evicted_for(ConnectionTable::Origin newcomer = 99) {
    const bool is_any = connections_.evict_for(newcomer, now_);
    int who = -1;
    for (std::size_t i = 0; i < added_.size(); ++i) {
      if (!added_[i]->is_evicted || seen_[i]) continue;
      EXPECT_EQ(who, -1) << "one is enough";
      who = static_cast<int>(i);
      seen_[i] = true;
    }
    EXPECT_EQ(is_any, who != -1);
    return who;
  }

  ServerLimits limits_;
  ConnectionTable connections_{limits_};
  ConnectionTable::Time now_{1h};
  std::vector<std::unique_ptr<TestConnection>> added_;
  std::map<std::size_t, bool> seen_;
};

TEST_F(ConnectionTableTest, WhoHasAskedForNothingGoesFirstThenWhoHasBeenIdleLongest) {
  add(Wait::request);
  pass();
  add(Wait::head);
  add(Wait::request);
  add(Wait::first_request);
  add(Wait::nothing);
  pass();
  EXPECT_EQ(evicted_for(), 3);
  EXPECT_EQ(evicted_for(), 0);
  EXPECT_EQ(evicted_for(), 2);
  EXPECT_EQ(evicted_for(), 1);
  EXPECT_EQ(evicted_for(), -1) << "none that is being served";
}

TEST_F(ConnectionTableTest, WhoAsksAgainGoesToTheEnd) {
  auto& first = add(Wait::request);
  add(Wait::request);
  pass();
  connections_.set_wait(first, Wait::nothing, now_);
  EXPECT_EQ(evicted_for(), 1) << "the first is being served";
  connections_.set_wait(first, Wait::request, now_);
  EXPECT_EQ(evicted_for(), 0);
}

TEST_F(ConnectionTableTest, WhoHasJustComeStaysIfOthersCanGo) {
  add(Wait::request);
  pass();
  add(Wait::first_request);
  EXPECT_EQ(evicted_for(), 0);
  EXPECT_EQ(evicted_for(), 1);
}

TEST_F(ConnectionTableTest, WhoComesFromWhereMostComeFromGoesFirst) {
  add(Wait::request, 7);
  for (int i = 0; i < 5; ++i) add(Wait::request, 1);
  pass();
  EXPECT_EQ(evicted_for(99), 1) << "an eighth of the connections is a share";
  EXPECT_EQ(evicted_for(99), 2);
  EXPECT_EQ(evicted_for(99), 3);
  EXPECT_EQ(evicted_for(99), 0) << "two are no more than a share";
}

TEST_F(ConnectionTableTest, BodiesAndAnswersEndOnlyForThoseWhoHaveLess) {
  for (int i = 0; i < 4; ++i) add(Wait::body, 1);
  add(Wait::taking, 2);
  pass();
  EXPECT_EQ(evicted_for(1), -1);
  EXPECT_EQ(evicted_for(99), 0);
  EXPECT_EQ(evicted_for(99), 1);
  EXPECT_EQ(evicted_for(99), -1);
}

TEST_F(ConnectionTableTest, CountsWhoIsThere) {
  for (int i = 0; i < 16; ++i) add(Wait::request, static_cast<ConnectionTable::Origin>(i));
  EXPECT_TRUE(connections_.is_full());
  added_.erase(added_.begin() + 3);
  EXPECT_FALSE(connections_.is_full());
  EXPECT_EQ(connections_.size(), 15);
  connections_.remove(*added_[0]);
  connections_.remove(*added_[0]);
  EXPECT_EQ(connections_.size(), 14);
}

TEST_F(ConnectionTableTest, WhoHoldsTooMuchGoesWhenAllHoldTooMuch) {
  auto& small = add(Wait::taking);
  auto& large = add(Wait::taking);
  auto& served = add(Wait::nothing);
  auto& last = add(Wait::taking);
  connections_.set_held(small, 1'000);
  connections_.set_held(large, 9'000);
  connections_.set_held(served, 5'000);
  EXPECT_EQ(connections_.held_bytes(), 15'000);
  connections_.set_held(last, 2'000);
  EXPECT_TRUE(large.is_evicted);
  EXPECT_FALSE(small.is_evicted);
  EXPECT_EQ(connections_.held_bytes(), 8'000);
  connections_.set_wait(last, Wait::nothing, now_);
  connections_.set_held(last, 12'000);
  EXPECT_TRUE(last.is_evicted) << "there is no other";
  EXPECT_FALSE(served.is_evicted);
  EXPECT_EQ(connections_.held_bytes(), 6'000);
}

TEST(Origin, IsAnAddressOrItsNetwork) {
  const auto origin = [](const char* text) {
    return ConnectionTable::origin_of(boost::asio::ip::make_address(text));
  };
  EXPECT_NE(origin("10.0.0.1"), origin("10.0.0.2"));
  EXPECT_EQ(origin("10.0.0.1"), origin("::ffff:10.0.0.1"));
  EXPECT_EQ(origin("2001:db8:1:2::3"), origin("2001:db8:1:2:ffff::9"));
  EXPECT_NE(origin("2001:db8:1:2::3"), origin("2001:db8:1:3::3"));
}

}  // namespace revoked::net::connection_table_test
