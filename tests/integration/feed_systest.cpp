// The engine's own feed: pages, the stream, and positions that are gone.

#include <gtest/gtest.h>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test::feed_systest {

// Reads the events of a Server-Sent-Events stream.
class EventStream {
 public:
  struct Event {
    std::string id;
    Json message;
  };

  EventStream(const EngineProcess& engine, const std::string& last_event_id) : client_(engine.client()) {
    Headers headers{{"Accept", "text/event-stream"}};
    if (!last_event_id.empty()) headers.emplace_back("Last-Event-ID", last_event_id);
    client_.send(client_.format("GET", "/v1/invalidations", headers));
    head_ = client_.receive_headers();
  }

  const HttpResponse& head() const { return head_; }

  Event next() {
    for (;;) {
      if (const auto end = text_.find("\n\n"); end != std::string::npos) {
        const std::string block = text_.substr(0, end + 1);
        text_.erase(0, end + 2);
        Event event{field(block, "id: "), Json::parse(field(block, "data: "))};
        if (event.message.exists()) return event;
        continue;  // a comment
      }
      const auto piece = client_.receive_piece();
      if (!piece) throw ConnectionFailed("the stream ended");
      text_ += *piece;
    }
  }

 private:
  static std::string field(const std::string& block, const std::string& name) {
    const auto at = block.find(name);
    if (at == std::string::npos || (at > 0 && block[at - 1] != '\n')) return {};
    return block.substr(at + name.size(), block.find('\n', at) - at - name.size());
  }

  HttpClient client_;
  HttpResponse head_;
  std::string text_;
};

// The position in an event's id, which ends in the journal id.
engine::Position position_in(const std::string& id) {
  return engine::parse_position(id.substr(0, id.rfind('-'))).value_or(engine::Position{});
}

class Feed : public testing::Test {
 protected:
  std::string position() { return admin_.get("/v1/invalidations").json()["position"].text(); }

  EngineProcess engine_;
  HttpClient admin_ = engine_.client();
};

TEST_F(Feed, PagesHoldEveryRevocationInOrderWithoutAGap) {
  const std::string start = position();
  const auto keys = create_keys(engine_, 50);
  std::vector<engine::Position> revoked_at;
  for (const auto& key : keys) revoked_at.push_back(position_of(revoke(admin_, key.key_id)));

  std::vector<std::string> seen;
  std::string after = start;
  std::int64_t next = static_cast<std::int64_t>(engine::parse_position(start)->sequence) + 1;
  for (bool more = true; more;) {
    const HttpResponse response = admin_.get("/v1/invalidations?limit=7&after=" + after);
    ASSERT_EQ(response.status, 200) << response.body;
    const Json page = response.json();
    for (const Json& message : page["messages"].items()) {
      ASSERT_EQ(message["first"].number(), next);
      next = message["last"].number() + 1;
      for (const Json& event : message["events"].items()) {
        EXPECT_EQ(event["type"].text(), "key.revoked");
        EXPECT_EQ(event["sequence"].number(), static_cast<std::int64_t>(revoked_at.at(seen.size()).sequence));
        seen.push_back(event["key_id"].text());
      }
    }
    more = page["more"].is_true();
    after = page["position"].text();
  }
  ASSERT_EQ(seen.size(), keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(seen[i], keys[i].key_id);
  EXPECT_EQ(engine::parse_position(after), revoked_at.back());
}

TEST_F(Feed, WithoutAfterAnswersOnlyWhereTheEngineIs) {
  const CreatedKey key = create_key(admin_);
  const auto revoked_at = position_of(revoke(admin_, key.key_id));
  const Json page = admin_.get("/v1/invalidations").json();
  EXPECT_EQ(engine::parse_position(page["position"].text()), revoked_at);
  EXPECT_EQ(page["messages"].size(), 0u);
  EXPECT_FALSE(page["more"].is_true());
}

TEST_F(Feed, APositionThatIsNotInTheJournalIsGone) {
  for (const std::string after : {"1-999999", "99-1"}) {
    const HttpResponse response = admin_.get("/v1/invalidations?after=" + after);
    EXPECT_EQ(response.status, 410) << after << response.body;
    EXPECT_TRUE(response.header("Content-Type").starts_with("application/problem+json"));
    EXPECT_EQ(response.json()["code"].text(), "position_gone");
    EXPECT_EQ(response.json()["position"].text(), position());
    EventStream stream(engine_, after);
    EXPECT_EQ(stream.head().status, 410);
  }
  EXPECT_EQ(admin_.get("/v1/invalidations?after=nonsense").status, 400);
}

TEST_F(Feed, ReadsAcrossARestart) {
  const std::string start = position();
  const CreatedKey key = create_key(admin_);
  ASSERT_EQ(revoke(admin_, key.key_id).status, 200);
  engine_.kill();
  engine_.start();
  HttpClient client = engine_.client();
  const HttpResponse page = client.get("/v1/invalidations?after=" + start);
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find(key.key_id), std::string::npos) << page.body;
}

TEST_F(Feed, StreamsRevocationsAsTheyHappenAndHeartbeats) {
  EventStream stream(engine_, "");
  ASSERT_EQ(stream.head().status, 200);
  EXPECT_TRUE(stream.head().header("Content-Type").starts_with("text/event-stream"));
  const CreatedKey key = create_key(admin_);
  const auto revoked_at = position_of(revoke(admin_, key.key_id));
  bool found = false;
  while (!found) {
    const auto event = stream.next();
    for (const Json& one : event.message["events"].items()) found |= one["key_id"].text() == key.key_id;
    if (found) {
      EXPECT_GE(position_in(event.id), revoked_at);
      EXPECT_TRUE(event.id.ends_with("-" + event.message["journal"].text())) << event.id;
    }
  }
  for (;;) {  // without changes it continues with heartbeats
    const auto event = stream.next();
    if (event.message["first"].number() == event.message["last"].number() + 1) break;
  }
}

TEST_F(Feed, ResumesTheStreamAfterTheLastEventId) {
  std::string seen_up_to;
  CreatedKey missed;
  {
    EventStream stream(engine_, "");
    ASSERT_EQ(stream.head().status, 200);
    const CreatedKey key = create_key(admin_);
    ASSERT_EQ(revoke(admin_, key.key_id).status, 200);
    while (seen_up_to.empty()) {
      const auto event = stream.next();
      if (event.message["events"].size() > 0) seen_up_to = event.id;
    }
  }
  missed = create_key(admin_);
  ASSERT_EQ(revoke(admin_, missed.key_id).status, 200);
  EventStream resumed(engine_, seen_up_to);
  ASSERT_EQ(resumed.head().status, 200);
  auto next = static_cast<std::int64_t>(position_in(seen_up_to).sequence) + 1;
  for (bool found = false; !found;) {
    const auto event = resumed.next();
    ASSERT_EQ(event.message["first"].number(), next) << "something was left out";
    next = event.message["last"].number() + 1;
    for (const Json& one : event.message["events"].items()) found |= one["key_id"].text() == missed.key_id;
  }
}

TEST_F(Feed, IsOnlyForThoseWithTheMasterKey) {
  HttpClient stranger(engine_.port());
  EXPECT_EQ(stranger.get("/v1/invalidations").status, 401);
  EXPECT_EQ(stranger.get("/v1/invalidations", {{"Authorization", "Bearer wrong"}}).status, 401);
}

}  // namespace revoked::test::feed_systest
