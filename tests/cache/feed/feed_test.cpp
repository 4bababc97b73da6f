// The feed of an engine that shares its journal: what it says is as valid as its standing.

#include "cache/feed/feed.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::feed_test {

using namespace std::chrono_literals;
using engine::BootClock;

class SharedFeed : public testing::Test {
 protected:
  SharedFeed() {
    feed_.limit_to(standing_);
    feed_.add_outlet([this](const Feed::Text& message) { sent_.push_back(*message); });
  }
  void publish(engine::Sequence sequence) {
    engine::Batch batch;
    batch.begin(1, sequence);
    engine::EventView event;
    event.type = engine::EventType::key_revoked;
    event[engine::Field::key_id] = "k";
    batch.append(event);
    feed_.on_batch(batch.view());
  }

  engine::Standing standing_;
  Feed feed_;
  std::vector<std::string> sent_;
};

TEST_F(SharedFeed, IsPassedToRedisByTheLeaderOnly) {
  publish(1);
  feed_.send_heartbeat();
  EXPECT_TRUE(sent_.empty());
  standing_.lead(BootClock::now() + 1h);
  publish(2);
  feed_.send_heartbeat();
  EXPECT_EQ(sent_.size(), 2u);
  standing_.step_down();
  publish(3);
  feed_.send_heartbeat();
  EXPECT_EQ(sent_.size(), 2u);
}

TEST_F(SharedFeed, ClaimsNoLaterTimeThanIsProven) {
  const auto proven = BootClock::now() - 700ms;
  standing_.prove(proven, proven + 2s);
  const auto stamp = feed_.stamp({});
  EXPECT_LE(*stamp.up, engine::running_ms_at(proven));
  EXPECT_NEAR(static_cast<double>(stamp.at), static_cast<double>(engine::now_unix_ms() - 700), 100);
  standing_.lead(BootClock::now() + 1h);
  EXPECT_GE(*feed_.stamp({}).up + 100, engine::running_ms());
}

TEST_F(SharedFeed, KnowsWhenAPositionWasPublishedOnceItIsDurable) {
  standing_.lead(BootClock::now() + 1h);
  publish(1);
  publish(2);
  EXPECT_FALSE(feed_.published_at(1)) << "another engine may prove that it is up to date without it";
  const auto confirmed = BootClock::now();
  feed_.on_durable(1);
  ASSERT_TRUE(feed_.published_at(1));
  EXPECT_GE(feed_.published_at(1)->latest, confirmed);
  EXPECT_FALSE(feed_.published_at(2));
}

}  // namespace revoked::cache::feed_test
