// Disk reads delay no other client (P13): a network thread never waits for one.

#include "cache/feed/feed.hpp"
#include "net/api/engine_durability.hpp"
#include "net/api/engine_service.hpp"
#include "net/http/server.hpp"
#include "tests/engine/engine_harness.hpp"
#include "tests/net/auth/master_key.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/http_client.hpp"

namespace revoked::net::disk_reads_test {

using engine::test::FakeDisk;
using engine::test::FakeStore;
using engine::test::Harness;
using revoked::test::eventually;
using revoked::test::HttpClient;
using revoked::test::HttpResponse;

// An engine on one network thread, over a disk with the journal of an earlier epoch: its feed must read older
// events from the disk.
class DiskReads : public testing::Test {
 protected:
  DiskReads() {
    {
      Harness before(disk_);
      for (const auto* id : {"live", "dead", "gone"}) EXPECT_TRUE(before.create(id, {"ann", "", ""}));
      for (const auto* id : {"dead", "gone"}) EXPECT_TRUE(before->revoke(id, "leaked", {}));
      before.sync();
    }
    server_ = std::make_unique<Server>(Server::Options{{cache::asio::ip::address_v4::loopback(), 0}, 1, {}},
                                       service_, &durability_);
    feed_.add_watcher([this] { server_->notify_all(); });
    EXPECT_TRUE(engine_.start(std::make_unique<FakeStore>(disk_), feed_, [](const auto&) {}));
  }
  ~DiskReads() override {
    server_->drain();
    engine_.stop();
    server_.reset();
  }

  HttpClient client() const {
    HttpClient client(server_->port(), std::chrono::seconds(10));
    client.add_header("Authorization", "Bearer " + test::master_key);
    return client;
  }
  static HttpResponse verify(HttpClient& client) {
    return client.request("POST", "/v1/keys/verify", {}, R"({"secret":"live...."})");
  }
  // Disk reads block while this is held.
  std::unique_lock<std::mutex> hold_disk() { return std::unique_lock(disk_->mutex()); }

  void expect_holds_up_nobody(const std::string& method, const std::string& target,
                              const std::string& body = {}) {
    SCOPED_TRACE(method + " " + target);
    auto asking = client();
    auto other = client();
    ASSERT_EQ(verify(asking).status, 200);  // both are connected
    ASSERT_EQ(verify(other).status, 200);
    auto held = hold_disk();
    asking.send(asking.format(method, target, {}, body));
    try {
      EXPECT_EQ(verify(other).status, 200);
    } catch (const revoked::test::ConnectionFailed& failure) {
      ADD_FAILURE() << "held up: " << failure.what();
    }
    held.unlock();
    const auto answer = asking.receive();
    EXPECT_EQ(answer.status, 200) << answer.body;
  }

  std::shared_ptr<FakeDisk> disk_ = std::make_shared<FakeDisk>();
  engine::Engine engine_{{}, [] {}};
  cache::Feed feed_;
  Authenticator authenticator_{engine_, {test::master_key}};
  std::atomic<bool> draining_{false};
  std::shared_ptr<ReadingPool> pool_ =
      std::make_shared<ReadingPool>(1, ReadingPool::Limits{.waiting = 2, .waiting_of_one = 2});
  EngineService service_{Api{engine_, feed_, authenticator_, {}, draining_, {}, 0, pool_}};
  EngineDurability durability_{engine_};
  std::unique_ptr<Server> server_;
};

TEST_F(DiskReads, HoldUpNobodyElse) {
  expect_holds_up_nobody("GET", "/v1/keys/live");
  expect_holds_up_nobody("GET", "/v1/keys/dead");
  expect_holds_up_nobody("GET", "/v1/keys");
  expect_holds_up_nobody("GET", "/v1/keys?user=ann");
  expect_holds_up_nobody("GET", "/v1/audit");
  expect_holds_up_nobody("GET", "/v1/audit?key_id=dead");
  expect_holds_up_nobody("GET", "/v1/audit?user=ann");
  expect_holds_up_nobody("GET", "/v1/invalidations?after=1-1");
  expect_holds_up_nobody("DELETE", "/v1/keys/dead");
  expect_holds_up_nobody("POST", "/v1/keys/revoke", R"({"secret":"dead...."})");
  expect_holds_up_nobody("POST", "/v1/keys/revoke", R"({"secrets":["dead....","gone....","unknown."]})");
}

TEST_F(DiskReads, OfAStreamHoldUpNobodyEither) {
  auto other = client();
  ASSERT_EQ(verify(other).status, 200);
  auto asking = client();
  ASSERT_EQ(verify(asking).status, 200);
  auto held = hold_disk();
  asking.send(
      asking.format("GET", "/v1/invalidations", {{"Accept", "text/event-stream"}, {"Last-Event-ID", "1-1"}}));
  EXPECT_EQ(verify(other).status, 200);
  held.unlock();
  EXPECT_EQ(asking.receive_headers().status, 200);
  const auto piece = asking.receive_piece();
  ASSERT_TRUE(piece);
  EXPECT_TRUE(piece->starts_with("id: 1-")) << *piece;
}

TEST_F(DiskReads, WhatMemoryKnowsDoesNotWaitForThem) {
  auto asking = client();
  ASSERT_EQ(verify(asking).status, 200);
  auto held = hold_disk();
  EXPECT_EQ(asking.request("DELETE", "/v1/keys/nobody").status, 404);
  EXPECT_EQ(asking.get("/v1/invalidations").status, 200);
  held.unlock();
}

TEST_F(DiskReads, AreRefusedWhereTooManyWait) {
  std::vector<HttpClient> asking;
  for (int i = 0; i < 4; ++i) {
    asking.push_back(client());
    ASSERT_EQ(verify(asking.back()).status, 200);
  }
  auto held = hold_disk();
  asking[0].send(asking[0].format("GET", "/v1/keys/live"));
  EXPECT_EQ(verify(asking[3]).status, 200);
  // One is being read, two wait.
  for (int i = 1; i < 3; ++i) {
    ASSERT_TRUE(eventually([&] { return pool_->waiting() == static_cast<std::size_t>(i - 1); }));
    asking[i].send(asking[i].format("GET", "/v1/keys/live"));
  }
  ASSERT_TRUE(eventually([&] { return pool_->waiting() == 2; }));
  const auto refused = asking[3].get("/v1/keys/live");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json()["code"].text(), "overloaded");
  EXPECT_FALSE(refused.header("Retry-After").empty());
  held.unlock();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(asking[i].receive().status, 200);
}

// Readings of one connection run one after another, however many it sends at once.
TEST_F(DiskReads, SentTogetherOnOneConnectionWaitForEachOther) {
  auto asking = client();
  auto other = client();
  ASSERT_EQ(verify(other).status, 200);
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += asking.format("GET", "/v1/keys?user=ann");
  auto held = hold_disk();
  asking.send(requests);
  EXPECT_EQ(verify(other).status, 200);
  ASSERT_TRUE(eventually([&] { return pool_->waiting() == 0; }));
  held.unlock();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(asking.receive().json()["keys"].size(), 3u);
}

}  // namespace revoked::net::disk_reads_test
