// GET /v1/invalidations: pages and streams.

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/net/api/feed_stream.hpp"
#include "tests/net/api/served_engine.hpp"

namespace revoked::net::feed_test {

using namespace std::chrono_literals;
using revoked::test::HttpClient;
using test::ServedEngine;
using test::Stream;

cache::Page page(HttpClient& client, const std::string& query) {
  const auto answer = client.get("/v1/invalidations" + query);
  EXPECT_EQ(answer.status, 200) << answer.body;
  auto decoded = cache::decode_page(answer.body);
  EXPECT_TRUE(decoded) << answer.body;
  return decoded ? std::move(*decoded) : cache::Page{};
}

TEST(FeedPage, SaysWhereTheEngineIs) {
  ServedEngine served;
  served.create("k1");
  auto client = served.client();
  const auto now = page(client, "");
  EXPECT_EQ(now.position, (engine::Position{1, 2}));
  EXPECT_FALSE(now.more);
  EXPECT_TRUE(now.messages.empty());
}

TEST(FeedPage, HasWhatComesAfterThePosition) {
  ServedEngine served;
  served.create("k1");
  served.revoke("k1");
  ASSERT_TRUE(served.sync());
  auto client = served.client();
  const auto all = page(client, "?after=0-0");
  ASSERT_EQ(all.messages.size(), 3);
  EXPECT_EQ(all.messages[0].first, 1);
  EXPECT_TRUE(all.messages[1].events.empty()) << "a creation turns no allow into a deny";
  ASSERT_EQ(all.messages[2].events.size(), 1);
  EXPECT_EQ(all.messages[2].events[0].key_id, "k1");
  EXPECT_EQ(page(client, "?after=1-2").messages.size(), 1);
  EXPECT_TRUE(page(client, "?after=1-3").messages.empty());
}

TEST(FeedPage, IsContinuedWhileThereIsMore) {
  ServedEngine served;
  for (int i = 0; i < 30; ++i) served.create("k" + std::to_string(i));
  auto client = served.client();
  engine::Sequence next = 1;
  std::string after = "0-0";
  for (bool more = true; more;) {
    const auto part = page(client, "?after=" + after + "&limit=7");
    more = part.more;
    for (const auto& message : part.messages) {
      EXPECT_EQ(message.first, next);
      next = message.last + 1;
    }
    ASSERT_EQ(part.position.sequence, next - 1);
    after = to_string(part.position);
  }
  EXPECT_EQ(next, 32);
}

TEST(FeedPage, IsGoneForPositionsThatNeverWere) {
  ServedEngine served;
  auto client = served.client();
  for (const auto* after : {"1-2", "2-1", "0-1", "7-7"}) {
    const auto answer = client.get("/v1/invalidations?after=" + std::string(after));
    EXPECT_EQ(answer.status, 410) << after;
    EXPECT_EQ(answer.json()["code"].text(), "position_gone");
    EXPECT_EQ(answer.json()["position"].text(), "1-1");
  }
  Stream stream(served.client(), "1-2");
  EXPECT_EQ(stream.head().status, 410);
}

TEST(FeedPage, IsOfOneJournalAndGoneForPositionsOfAnother) {
  ServedEngine served;
  served.create("k1");
  const std::string journal(served.engine().journal_id());
  auto client = served.client();
  const auto known = client.get("/v1/invalidations?after=1-1&journal=" + journal);
  ASSERT_EQ(known.status, 200) << known.body;
  EXPECT_TRUE(known.body.starts_with("{\"journal\":\"" + journal + "\"")) << known.body;
  const auto now = cache::decode_page(known.body).value();
  EXPECT_EQ(now.published, (engine::Position{1, 2}));
  EXPECT_TRUE(now.at);
  EXPECT_TRUE(now.up);
  EXPECT_EQ(now.clock, cache::clock_id());
  ASSERT_EQ(now.messages.size(), 1u);
  EXPECT_EQ(now.messages[0].journal, journal);

  // The same numbers, in another journal.
  for (const auto* other : {"?after=1-1&journal=anotherjournal", "?after=1-2-anotherjournal"}) {
    const auto answer = client.get("/v1/invalidations" + std::string(other));
    EXPECT_EQ(answer.status, 410) << other;
    const auto gone = cache::decode_gone(answer.body);
    ASSERT_TRUE(gone) << answer.body;
    EXPECT_EQ(gone->position, (engine::Position{1, 2}));
    EXPECT_EQ(gone->journal, journal);
    EXPECT_TRUE(gone->up);
    EXPECT_EQ(gone->clock, cache::clock_id());
  }
  EXPECT_EQ(Stream(served.client(), "1-2-" + journal).head().status, 200);
  EXPECT_EQ(Stream(served.client(), "1-2-anotherjournal").head().status, 410);
  const auto verified = client.request("POST", "/v1/keys/verify", {}, R"({"secret":"k1......"})");
  EXPECT_EQ(verified.json()["journal"].text(), journal) << verified.body;
}

TEST(FeedPage, RefusesNonsense) {
  ServedEngine served;
  auto client = served.client();
  for (const auto* query :
       {"?after=x", "?after=1", "?after=1-", "?after=-1-1", "?limit=0", "?limit=10001", "?limit=1x",
        "?limit=", "?journal=", "?after=1-1&journal=A", "?after=1-1-", "?after=1-1-x-y"}) {
    EXPECT_EQ(client.get("/v1/invalidations" + std::string(query)).status, 400) << query;
  }
}

TEST(FeedPage, TellsBeforeTheDiskHasSynced) {
  ServedEngine served;
  served.create("k1");
  auto client = served.client();
  served.disk().block();
  served.revoke("k1");
  served.disk().wait_until_blocked();
  // The disk and the listeners get a batch at the same time: either may be first.
  EXPECT_TRUE(revoked::test::eventually([&] { return page(client, "?after=1-2").messages.size() == 1; }));
}

TEST(FeedStream, BeginsWithAHeartbeatWhereTheEngineIs) {
  ServedEngine served;
  served.create("k1");
  Stream stream(served.client());
  EXPECT_EQ(stream.head().status, 200);
  EXPECT_EQ(stream.head().header("Content-Type"), "text/event-stream");
  EXPECT_EQ(stream.head().header("Cache-Control"), "no-store");
  EXPECT_EQ(stream.head().header("X-Accel-Buffering"), "no");
  const auto event = stream.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->id, "1-2-" + std::string(served.engine().journal_id()));
  EXPECT_EQ(event->message().journal, served.engine().journal_id());
  EXPECT_TRUE(event->message().up);
  EXPECT_TRUE(event->message().is_heartbeat());
  EXPECT_EQ(event->message().last, 2);
}

TEST(FeedStream, TellsWhatHappensAndBeatsInBetween) {
  ServedEngine served;
  served.create("k1");
  Stream stream(served.client());
  ASSERT_TRUE(stream.next()->message().is_heartbeat());
  EXPECT_TRUE(stream.next()->message().is_heartbeat()) << "within a second";
  const auto sequence = served.revoke("k1");
  const auto event = stream.next_message();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->id, "1-" + std::to_string(sequence) + "-" + std::string(served.engine().journal_id()));
  ASSERT_EQ(event->message().events.size(), 1);
  EXPECT_EQ(event->message().events[0].key_id, "k1");
}

TEST(FeedStream, BeginsBehindTheLastEventId) {
  ServedEngine served;
  for (const auto* id : {"k1", "k2"}) served.create(id);
  for (const auto* id : {"k1", "k2"}) {
    served.revoke(id);
    ASSERT_TRUE(served.sync());
  }
  Stream stream(served.client(), "1-4");
  const auto first = stream.next();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->id.starts_with("1-5-")) << first->id;
  EXPECT_TRUE(stream.next()->message().is_heartbeat());
}

// As nginx requests by default: without chunks, until the connection ends.
TEST(FeedStream, IsThereForHttp10AsWell) {
  ServedEngine::Options options;
  options.limits.drain_timeout = 1h;
  ServedEngine served(options);
  served.create("k1");
  test::RawClient old(served.port());
  old.send("GET /v1/invalidations HTTP/1.0\r\nAuthorization: Bearer " + test::master_key +
           "\r\nAccept: text/event-stream\r\nConnection: keep-alive\r\n\r\n");
  const auto head = old.read_through("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
  EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("Connection: close\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos) << head;
  const auto beat = old.read_through("\n\n");
  EXPECT_TRUE(beat.starts_with("id: 1-2-")) << beat;
  const auto sequence = served.revoke("k1");
  EXPECT_NE(old.read_through("\"key_id\":\"k1\"").find("id: 1-" + std::to_string(sequence)),
            std::string::npos);
  served.server().drain();
  const auto rest = old.read_to_end();
  EXPECT_TRUE(rest.ends_with("\n\n")) << rest;
  EXPECT_TRUE(old.was_closed());
}

TEST(FeedStream, LosesAndDoublesNothingAcrossReconnections) {
  constexpr int keys = revoked::test::sanitized ? 400 : 2'000;
  ServedEngine served;
  for (int i = 0; i < keys; ++i) {
    engine::NewKey key;
    const auto id = "k" + std::to_string(i);
    key.key_id = id;
    key.digest = engine::sha256(id);
    ASSERT_TRUE(served.engine().create(key, {}));
  }
  ASSERT_TRUE(served.sync());
  auto after = served.feed().published();
  std::thread writer([&] {
    for (int i = 0; i < keys; ++i) served.revoke("k" + std::to_string(i));
  });
  std::vector<std::string> received;
  for (int reader = 0; received.size() < keys; ++reader) {
    Stream stream(served.client(), to_string(after));
    ASSERT_EQ(stream.head().status, 200);
    // Each reader disconnects in the middle of the stream, except the last.
    for (int left = 10 + reader % 7; left > 0 && received.size() < keys; --left) {
      const auto event = stream.next_message();
      ASSERT_TRUE(event);
      const auto message = event->message();
      ASSERT_EQ(message.first, after.sequence + 1);
      for (const auto& invalidation : message.events) received.push_back(invalidation.key_id);
      after = {message.epoch, message.last};
      ASSERT_TRUE(event->id.starts_with(to_string(after) + "-")) << event->id;
    }
  }
  writer.join();
  for (int i = 0; i < keys; ++i) ASSERT_EQ(received[i], "k" + std::to_string(i));
}

TEST(FeedStream, EndsWhenTheServerDrains) {
  ServedEngine::Options options;
  options.limits.drain_timeout = 1h;
  options.limits.linger_timeout = 100ms;
  ServedEngine served(options);
  Stream stream(served.client());
  ASSERT_TRUE(stream.next());
  auto drained = std::async(std::launch::async, [&] { served.server().drain(); });
  while (stream.next()) {
  }
  drained.get();
}

TEST(FeedStream, SlowReaderHoldsUpNobodyAndGetsEverything) {
  constexpr int keys = 20'000;  // far more than the socket buffers hold
  ServedEngine served;
  const std::string padding(100, 'x');
  std::vector<std::string> ids;
  for (int i = 0; i < keys; ++i) {
    engine::NewKey key;
    ids.push_back(padding + std::to_string(i));
    key.key_id = ids.back();
    key.digest = engine::sha256(ids.back());
    ASSERT_TRUE(served.engine().create(key, {}));
  }
  ASSERT_TRUE(served.sync());
  const auto start = served.feed().published();
  test::RawClient slow(served.port(), 4096);
  slow.send(ServedEngine::request("GET", "/v1/invalidations?after=" + to_string(start),
                                  "Accept: text/event-stream\r\n"));
  for (const auto& id : ids) ASSERT_TRUE(served.engine().revoke(id, padding + padding, {}));
  ASSERT_TRUE(served.sync());
  EXPECT_EQ(served.client().get("/livez").status, 200);
  Stream quick(served.client(), to_string(start));
  for (auto at = start; at.sequence < served.engine().applied();) {
    const auto event = quick.next_message();
    ASSERT_TRUE(event);
    at = {1, event->message().last};
  }
  std::size_t received = 0;
  for (const auto& id : ids) received += slow.read_through("\"key_id\":\"" + id + "\"").empty() ? 0 : 1;
  EXPECT_EQ(received, keys);
}

TEST(FeedStream, ReaderThatStandsStillIsCutOff) {
  ServedEngine::Options options;
  options.limits.write_timeout = 200ms;
  ServedEngine served(options);
  const std::string reason(256, 'x');
  test::RawClient stuck(served.port(), 4096);
  stuck.send(ServedEngine::request("GET", "/v1/invalidations", "Accept: text/event-stream\r\n"));
  // Far more than the socket buffers hold.
  for (int i = 0; i < 20'000; ++i) {
    const auto id = "k" + std::to_string(i);
    engine::NewKey key;
    key.key_id = id;
    key.digest = engine::sha256(id);
    ASSERT_TRUE(served.engine().create(key, {}));
    ASSERT_TRUE(served.engine().revoke(id, reason, {}));
  }
  ASSERT_TRUE(served.sync());
  const auto began = std::chrono::steady_clock::now();
  served.server().drain();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 4s) << "long before drain_timeout";
  const auto received = stuck.read_to_end();
  EXPECT_EQ(received.find("\"k19999\""), std::string::npos);
  EXPECT_FALSE(received.ends_with("\r\n0\r\n\r\n")) << "cut off, not ended";
}

}  // namespace revoked::net::feed_test
