// The journal in PostgreSQL, with real servers: what its answers may be believed to say.

#include "engine/log/postgres_log.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <span>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/postgres_server.hpp"

namespace revoked::test::postgres_log_systest {

using engine::Batch;
using engine::BatchView;
using engine::Epoch;
using engine::errc;
using engine::PostgresLog;
using engine::Sequence;
using Clock = std::chrono::steady_clock;

Batch batch_of(Epoch epoch, Sequence first, int count = 1) {
  Batch batch;
  batch.begin(epoch, first);
  engine::EventView event;
  event.type = engine::EventType::key_revoked;
  for (int i = 0; i < count; ++i) batch.append(event);
  return batch;
}

PostgresLog::Options options(const std::string& url,
                             PostgresLog::Durability durability = PostgresLog::Durability::single) {
  PostgresLog::Options options{url, durability};
  options.timeout = 2s;
  return options;
}

std::size_t rows(const PostgresServer& server) {
  return std::stoul(server.value("SELECT count(*) FROM revoked.journal"));
}

class PostgresLogOnOneServer : public testing::Test {
 protected:
  PostgresServer server_;
  PostgresLog one_{options(server_.url())}, other_{options(server_.url())};
};

TEST_F(PostgresLogOnOneServer, AppendsOnlyAfterTheRowThatItKnows) {
  ASSERT_TRUE(one_.connect()) << one_.failure();
  ASSERT_TRUE(other_.connect()) << other_.failure();
  EXPECT_EQ(*one_.tail(), PostgresLog::Tail{});
  auto batch = batch_of(1, 1, 3);
  const auto first = one_.append(batch.view(), {});
  ASSERT_TRUE(first) << one_.failure();
  EXPECT_EQ(*other_.tail(), *first);

  auto again = batch_of(1, 1);
  EXPECT_EQ(other_.append(again.view(), {}).error(), errc::position_gone);
  auto fence = batch_of(2, 4);
  const auto fenced = other_.append(fence.view(), *first);
  ASSERT_TRUE(fenced) << other_.failure();
  auto late = batch_of(1, 4);
  EXPECT_EQ(one_.append(late.view(), *first).error(), errc::position_gone);
  auto later = batch_of(1, 5);
  EXPECT_EQ(one_.append(later.view(), {4, 1, fenced->chain}).error(), errc::position_gone) << "another epoch";

  const auto all = one_.rows_after({}, 10);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].body, batch.view().bytes());
  EXPECT_EQ((*all)[1].end, *fenced);
  EXPECT_EQ(one_.rows_after(*first, 10)->size(), 1u);
  EXPECT_EQ((*one_.row_at(3))->end, *first);
  EXPECT_FALSE(*one_.row_at(2));
}

TEST_F(PostgresLogOnOneServer, AppendsSeveralBatchesAllOrNone) {
  ASSERT_TRUE(one_.connect()) << one_.failure();
  ASSERT_TRUE(other_.connect()) << other_.failure();
  std::vector<Batch> batches;
  batches.push_back(batch_of(1, 1, 2));
  batches.push_back(batch_of(1, 3));
  batches.push_back(batch_of(2, 4));
  std::vector<BatchView> views;
  for (auto& batch : batches) views.push_back(batch.view());
  const std::span<const BatchView> all(views);
  const auto first = one_.append(all.first(1), {});
  ASSERT_TRUE(first) << one_.failure();
  EXPECT_EQ(one_.append(all.first(1), {}).error(), errc::position_gone) << "it is there";
  auto changed = *first;
  changed.chain[3] ^= 1;
  EXPECT_EQ(one_.append(all.subspan(1), changed).error(), errc::position_gone);
  EXPECT_EQ(one_.append(all.subspan(2), *first).error(), errc::position_gone) << "a gap";
  EXPECT_EQ(rows(server_), 1u);
  const auto last = one_.append(all.subspan(1), *first);
  ASSERT_TRUE(last) << one_.failure();
  const auto read = other_.rows_after({}, 10);
  ASSERT_TRUE(read) << other_.failure();
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ(read->back().end, *last);
  EXPECT_EQ(last->epoch, 2u);
}

TEST_F(PostgresLogOnOneServer, GivesRowsInAnswersOfALimitedSize) {
  ASSERT_TRUE(one_.connect()) << one_.failure();
  PostgresLog::Tail tail;
  for (int i = 0; i < 6; ++i) {
    Batch batch;
    batch.begin(1, tail.last + 1);
    engine::EventView event;
    event.type = engine::EventType::key_revoked;
    const std::string reason(60'000, 'a');
    event[engine::Field::reason] = reason;
    while (batch.size_bytes() < PostgresLog::rows_bytes / 3) batch.append(event);
    tail = *one_.append(batch.view(), tail);
  }
  const auto some = one_.rows_after({}, 10);
  ASSERT_TRUE(some) << one_.failure();
  EXPECT_EQ(some->size(), 3u);
  const auto others = one_.rows_after(some->back().end, 10);
  ASSERT_TRUE(others) << one_.failure();
  EXPECT_EQ(others->size(), 3u);
  EXPECT_EQ(others->back().end, tail);
}

TEST_F(PostgresLogOnOneServer, NoticesRowsThatItHasNotFollowed) {
  ASSERT_TRUE(one_.connect()) << one_.failure();
  auto batch = batch_of(1, 1);
  const auto first = one_.append(batch.view(), {});
  auto second = batch_of(1, 2);
  ASSERT_TRUE(one_.append(second.view(), *first));
  auto changed = *first;
  changed.chain[3] ^= 1;
  EXPECT_EQ(one_.rows_after(changed, 10).error(), errc::storage_corrupt);
  server_.rows("UPDATE revoked.journal SET body = set_byte(body, 20, 7) WHERE first = 2");
  EXPECT_EQ(one_.rows_after(*first, 10).error(), errc::storage_corrupt);
}

// As a promotion does with rows that the standby had not confirmed.
TEST_F(PostgresLogOnOneServer, NoticesThatTheNewestRowWasLost) {
  ASSERT_TRUE(one_.connect()) << one_.failure();
  auto batch = batch_of(1, 1), second = batch_of(1, 2), third = batch_of(2, 2, 2);
  const auto first = one_.append(batch.view(), {});
  const auto lost = one_.append(second.view(), *first);
  ASSERT_TRUE(lost);
  EXPECT_EQ(one_.rows_after(*lost, 10)->size(), 0u);
  server_.rows("DELETE FROM revoked.journal WHERE first = 2");
  EXPECT_EQ(one_.rows_after(*lost, 10).error(), errc::storage_corrupt);
  ASSERT_TRUE(one_.append(third.view(), *first));
  EXPECT_EQ(one_.rows_after(*lost, 10).error(), errc::storage_corrupt) << "others are there now";
  EXPECT_EQ(one_.rows_after(*first, 10)->size(), 1u);
  server_.rows("DELETE FROM revoked.journal");
  EXPECT_EQ(one_.rows_after(*first, 10).error(), errc::storage_corrupt);
}

TEST_F(PostgresLogOnOneServer, HasOneLeader) {
  ASSERT_TRUE(one_.connect()) << one_.failure();
  ASSERT_TRUE(other_.connect()) << other_.failure();
  const auto nobody = *one_.leader();
  const PostgresLog::Leader me{nobody.term + 1, "one", "http://one:1", 0, 0},
      you{nobody.term + 1, "other", "", 0, 0};
  EXPECT_TRUE(*one_.replace_leader(nobody, me));
  EXPECT_FALSE(*other_.replace_leader(nobody, you));
  auto next = me;
  ++next.beat;
  EXPECT_TRUE(*one_.replace_leader(me, next));
  EXPECT_FALSE(*other_.replace_leader(me, you)) << "it has moved since";
  EXPECT_EQ(other_.leader()->url, "http://one:1");
}

TEST_F(PostgresLogOnOneServer, ShowsTheEngines) {
  ASSERT_TRUE(one_.connect()) << one_.failure();
  ASSERT_TRUE(one_.show_engine({"one", "http://one:1", "leader", {2, 7}, "1.0"})) << one_.failure();
  ASSERT_TRUE(one_.show_engine({"one", "http://one:1", "follower", {2, 8}, "1.0"})) << one_.failure();
  const auto engines = one_.engines();
  ASSERT_TRUE(engines);
  ASSERT_EQ(engines->size(), 1u);
  EXPECT_EQ(engines->front().role, "follower");
  EXPECT_EQ(engines->front().position, (engine::Position{2, 8}));
  EXPECT_LT(engines->front().silent_for, 10s);
}

TEST_F(PostgresLogOnOneServer, IsToldOfAppends) {
  ASSERT_TRUE(one_.connect()) << one_.failure();
  ASSERT_TRUE(other_.connect()) << other_.failure();
  other_.wait_for_append(60s);
  std::thread waiting([&] {
    const auto began = Clock::now();
    other_.wait_for_append(60s);
    EXPECT_LT(Clock::now() - began, 30s);
  });
  auto batch = batch_of(1, 1);
  EXPECT_TRUE(one_.append(batch.view(), {}));
  waiting.join();
  std::thread interrupted([&] { other_.wait_for_append(60s); });
  other_.interrupt();
  interrupted.join();
  EXPECT_EQ(other_.tail().error(), errc::not_ready);
}

TEST_F(PostgresLogOnOneServer, RefusesAnotherFormatAndWrongAddresses) {
  ASSERT_TRUE(one_.connect()) << one_.failure();
  server_.rows("UPDATE revoked.format SET version = 1");
  EXPECT_EQ(other_.connect().error(), errc::storage_of_other_format);
  EXPECT_NE(other_.failure().find("format 1, but this program reads 2"), std::string::npos)
      << other_.failure();
  PostgresLog wrong(options("postgresql://u:secret@127.0.0.1:" + std::to_string(server_.port()) + "/none"));
  EXPECT_EQ(wrong.connect().error(), errc::unavailable);
  EXPECT_EQ(wrong.failure().find("secret"), std::string::npos) << wrong.failure();
}

TEST(PostgresLogDurability, RefusesAServerThatConfirmsTooEarly) {
  using enum PostgresLog::Durability;
  PostgresServer server;
  EXPECT_EQ(PostgresLog(options(server.url(), sync)).connect().error(), errc::refused);
  EXPECT_TRUE(PostgresLog(options(server.url(), managed)).connect());
  server.configure("synchronous_commit = local");
  EXPECT_EQ(PostgresLog(options(server.url(), managed)).connect().error(), errc::refused);
  EXPECT_TRUE(PostgresLog(options(server.url(), single)).connect());
  server.configure("synchronous_commit = off");
  PostgresLog log(options(server.url(), single));
  EXPECT_EQ(log.connect().error(), errc::refused);
  EXPECT_NE(log.failure().find("synchronous_commit off"), std::string::npos) << log.failure();
}

class PostgresLogOnAPair : public testing::Test {
 protected:
  PostgresPair pair_;
  PostgresLog log_{options(pair_.url(), PostgresLog::Durability::sync)};
};

TEST_F(PostgresLogOnAPair, KnowsNothingOfAnAppendThatTheStandbyHasNotConfirmed) {
  ASSERT_TRUE(log_.connect()) << log_.failure();
  auto batch = batch_of(1, 1);
  const auto first = log_.append(batch.view(), {});
  ASSERT_TRUE(first) << log_.failure();
  pair_.standby().pause();
  auto second = batch_of(1, 2);
  const auto began = Clock::now();
  EXPECT_EQ(log_.append(second.view(), *first).error(), errc::timed_out);
  EXPECT_LT(Clock::now() - began, 3s);
  EXPECT_FALSE(log_.is_connected());
  pair_.standby().resume();
}

TEST_F(PostgresLogOnAPair, TakesACancelledWaitForNoSuccess) {
  ASSERT_TRUE(log_.connect()) << log_.failure();
  auto batch = batch_of(1, 1);
  pair_.standby().pause();
  std::thread cancels([&] {
    EXPECT_TRUE(eventually([&] {
      return pair_.primary().value(
                 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND "
                 "application_name = 'revoked'") == "1";
    }));
    pair_.primary().cancel("revoked");
  });
  EXPECT_EQ(log_.append(batch.view(), {}).error(), errc::unavailable);
  cancels.join();
  EXPECT_NE(log_.failure().find("canceling wait for synchronous replication"), std::string::npos)
      << log_.failure();
  pair_.standby().resume();
}

TEST_F(PostgresLogOnAPair, GoesOnAtTheServerThatWasPromoted) {
  ASSERT_TRUE(log_.connect()) << log_.failure();
  auto batch = batch_of(1, 1);
  const auto first = log_.append(batch.view(), {});
  ASSERT_TRUE(first) << log_.failure();
  const auto server = log_.server();
  pair_.primary().kill();
  pair_.fail_over(PostgresPair::Commits::wait);
  pair_.rejoin();
  EXPECT_FALSE(log_.tail());
  EXPECT_TRUE(eventually([&] { return bool(log_.connect()); })) << log_.failure();
  EXPECT_NE(log_.server(), server);
  EXPECT_EQ(*log_.tail(), *first);
  auto second = batch_of(2, 2);
  EXPECT_TRUE(log_.append(second.view(), *first)) << log_.failure();
}

// As when the standby is promoted by hand, or by a Patroni that the former primary does not hear.
TEST_F(PostgresLogOnAPair, LeavesAFormerPrimaryThatStillAcceptsConnections) {
  PostgresLog log(options(pair_.url()));
  ASSERT_TRUE(log.connect()) << log.failure();
  auto batch = batch_of(1, 1);
  const auto first = log.append(batch.view(), {});
  ASSERT_TRUE(first) << log.failure();
  const auto server = log.server();
  pair_.fail_over(PostgresPair::Commits::do_not_wait);
  auto second = batch_of(1, 2);
  EXPECT_EQ(log.append(second.view(), *first).error(), errc::timed_out);
  ASSERT_TRUE(log.connect()) << log.failure();
  EXPECT_NE(log.server(), server);
  EXPECT_TRUE(log.append(second.view(), *first)) << log.failure();
}

}  // namespace revoked::test::postgres_log_systest
