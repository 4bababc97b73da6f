#include "engine/journal/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "tests/engine/engine_harness.hpp"

namespace revoked::engine::journal_test {

using test::FakeDisk;
using test::FakeStore;
using test::RecordingListener;

class JournalTest : public testing::Test {
 protected:
  JournalTest() { journal_.lead(); }
  ~JournalTest() override { disk_->unblock(); }  // so that a failed test ends

  // Returns the event's sequence; 0 if the journal refused it.
  Sequence append(std::string_view key_id = "k") {
    Journal::Turn turn(journal_);
    if (!turn.open()) return 0;
    return turn.append(revocation(key_id));
  }
  static EventView revocation(std::string_view key_id = "k") {
    EventView event;
    event.type = EventType::key_revoked;
    event[Field::key_id] = key_id;
    return event;
  }
  BatchView batch(std::size_t i) {
    BatchView view;
    EXPECT_TRUE(BatchView::parse(disk_->batches.at(i), view));
    return view;
  }

  std::shared_ptr<FakeDisk> disk_ = std::make_shared<FakeDisk>();
  FakeStore store_{disk_};
  RecordingListener listener_;
  Journal journal_{store_, 3, 100, [this] { listener_.on_failure(); }};
};

TEST_F(JournalTest, BeginsBehindTheLastSequence) {
  EXPECT_EQ(journal_.epoch(), 3u);
  EXPECT_EQ(journal_.applied(), 100u);
  EXPECT_EQ(journal_.durable(), 100u);
  EXPECT_EQ(append(), 101u);
  EXPECT_EQ(journal_.applied(), 101u);
  ASSERT_TRUE(journal_.wait_until_durable(101));
  EXPECT_EQ(batch(0).epoch(), 3u);
  EXPECT_EQ(batch(0).first(), 101u);
}

TEST(FollowingJournal, TakesWhatOthersHaveAppendedAndNothingElse) {
  const auto disk = std::make_shared<FakeDisk>();
  FakeStore store{disk};
  RecordingListener listener;
  Journal journal(store, 3, 100, [] {});
  journal.add(static_cast<JournalListener&>(listener));
  {
    Journal::Turn turn(journal);
    EXPECT_EQ(turn.open().error(), errc::not_leader);
  }
  EventView event;
  event.type = EventType::key_revoked;
  Batch batch;
  batch.begin(4, 101);
  batch.append(event);
  journal.follow(batch.view());
  EXPECT_EQ(journal.epoch(), 4u);
  EXPECT_EQ(journal.applied(), 101u);
  EXPECT_EQ(journal.durable(), 101u);
  EXPECT_EQ(disk->commit_count(), 0u);
  EXPECT_TRUE(journal.wait_until_durable(101));
  journal.stop();
  EXPECT_FALSE(journal.wait_until_durable(102));
}

TEST(FollowingJournal, TakesEventsAfterTheOneThatBeginsItsEpoch) {
  for (int round = 0; round < 50; ++round) {
    const auto disk = std::make_shared<FakeDisk>();
    FakeStore store{disk};
    Journal journal(store, 3, 100, [] {});
    std::atomic<bool> has_begun = false;
    std::thread eager([&] {
      EventView event;
      event.type = EventType::key_revoked;
      for (bool is_taken = false; !is_taken;) {
        Journal::Turn turn(journal);
        has_begun = true;
        is_taken = bool(turn.open());
        if (is_taken) turn.append(event);
      }
    });
    while (!has_begun) std::this_thread::yield();
    EventView begins;
    begins.type = EventType::epoch_started;
    Batch batch;
    batch.begin(4, 101);
    batch.append(begins);
    journal.follow(batch.view());
    journal.lead();
    eager.join();
    ASSERT_TRUE(journal.wait_until_durable(102));
    BatchView view;
    ASSERT_TRUE(BatchView::parse(disk->batches.at(0), view));
    EXPECT_EQ(view.epoch(), 4u);
    EXPECT_EQ(view.first(), 102u);
  }
}

TEST_F(JournalTest, ATurnWithoutAnEventChangesNothing) {
  { Journal::Turn turn(journal_); }
  EXPECT_EQ(journal_.applied(), 100u);
  journal_.stop();
  EXPECT_EQ(disk_->commit_count(), 0u);
}

TEST_F(JournalTest, WhileOneBatchSyncsTheNextGathers) {
  journal_.add(static_cast<JournalListener&>(listener_));
  disk_->block();
  append();
  disk_->wait_until_blocked();
  for (int i = 0; i < 1000; ++i) append();
  EXPECT_EQ(journal_.applied(), 1101u);
  listener_.wait_until_published(1101);
  EXPECT_EQ(journal_.durable(), 100u);
  disk_->unblock();
  ASSERT_TRUE(journal_.wait_until_durable(1101));
  EXPECT_EQ(batch(1).first(), 102u);
  EXPECT_LE(disk_->commit_count(), 3u);  // the last of them may have been slightly late
}

TEST_F(JournalTest, P5BoundedASlowDiskKeepsNobodyFromHearing) {
  journal_.add(static_cast<JournalListener&>(listener_));
  disk_->block();
  append();
  disk_->wait_until_blocked();
  for (Sequence next = 102; next < 110; ++next) {
    append();
    listener_.wait_until_published(next);
  }
  EXPECT_EQ(journal_.durable(), 100u);
  disk_->unblock();
  ASSERT_TRUE(journal_.wait_until_durable(109));
  // Published in eight pieces, written in one; or in two if the last piece was late.
  EXPECT_LE(disk_->commit_count(), 3u);
  EXPECT_GE(batch(1).count(), 7u);
}

TEST_F(JournalTest, SeveralEventsOfOneTurnStayTogether) {
  {
    Journal::Turn turn(journal_);
    EventView event;
    event.type = EventType::key_revoked;
    EXPECT_EQ(turn.append(event), 101u);
    EXPECT_EQ(turn.append(event), 102u);
  }
  ASSERT_TRUE(journal_.wait_until_durable(102));
  EXPECT_EQ(disk_->commit_count(), 1u);
}

TEST_F(JournalTest, WhatIsHeldTogetherIsCommittedTogether) {
  std::atomic<bool> stopping{false};
  std::thread others([&] {
    while (!stopping) append();
  });
  std::set<Sequence> firsts;
  for (int i = 0; i < 50; ++i) {
    const Journal::Hold together(journal_);
    firsts.insert(append());
    std::this_thread::sleep_for(std::chrono::microseconds(500));  // long enough for a batch to be closed
    append();
  }
  stopping = true;
  others.join();
  journal_.stop();
  // The second one comes somewhere after the first, in the same batch.
  EXPECT_EQ(firsts.size(), 50u);
  for (std::size_t i = 0; i < disk_->batches.size(); ++i) EXPECT_EQ(firsts.count(batch(i).last()), 0u);
}

TEST_F(JournalTest, SequencesAreGaplessWhateverTheThreads) {
  constexpr int threads = 4;
  constexpr int each = 5000;
  std::vector<std::vector<Sequence>> given(threads);
  std::vector<std::thread> running;
  for (auto& mine : given) {
    running.emplace_back([this, &mine] {
      for (int i = 0; i < each; ++i) mine.push_back(append());
    });
  }
  for (auto& thread : running) thread.join();
  journal_.stop();
  std::vector<bool> seen(threads * each);
  for (const auto& mine : given) {
    for (std::size_t i = 0; i < mine.size(); ++i) {
      ASSERT_GT(mine[i], i == 0 ? 100u : mine[i - 1]);
      ASSERT_FALSE(seen.at(mine[i] - 101));
      seen[mine[i] - 101] = true;
    }
  }
  Sequence next = 101;
  for (std::size_t i = 0; i < disk_->commit_count(); ++i) {
    ASSERT_EQ(batch(i).first(), next);
    next = batch(i).last() + 1;
  }
  EXPECT_EQ(next, 101u + threads * each);
}

TEST_F(JournalTest, PublishesAndSyncsAndThenAcknowledges) {
  struct Order final : JournalListener, CommitListener {
    void note(const char* what, Sequence sequence) {
      const std::scoped_lock lock(mutex);
      seen.push_back(what + std::to_string(sequence));
    }
    void on_batch(const BatchView& b) override { note("published ", b.last()); }
    void on_durable(Sequence s) override { note("acknowledged ", s); }
    std::mutex mutex;
    std::vector<std::string> seen;
  } order;
  disk_->on_synced = [&](const BatchView& b) { order.note("synced ", b.last()); };
  journal_.add(static_cast<JournalListener&>(order));
  journal_.add(static_cast<CommitListener&>(order));
  append();
  ASSERT_TRUE(journal_.wait_until_durable(101));
  append();
  journal_.stop();
  using testing::UnorderedElementsAre;
  ASSERT_EQ(order.seen.size(), 6u);
  EXPECT_EQ(order.seen[2], "acknowledged 101");
  EXPECT_EQ(order.seen[5], "acknowledged 102");
  EXPECT_THAT(std::span(order.seen).first(2), UnorderedElementsAre("published 101", "synced 101"));
  EXPECT_THAT(std::span(order.seen).subspan(3, 2), UnorderedElementsAre("published 102", "synced 102"));
}

// An acknowledged revocation has been published, however long that takes.
TEST_F(JournalTest, P5BoundedNothingIsAcknowledgedBeforeItIsPublished) {
  struct Slow final : JournalListener {
    void on_batch(const BatchView&) override {
      const std::scoped_lock wait(mutex);
      was_called = true;
    }
    std::mutex mutex;
    std::atomic<bool> was_called{false};
  } slow;
  journal_.add(static_cast<JournalListener&>(slow));
  std::promise<void> synced;
  disk_->on_synced = [&](const BatchView&) { synced.set_value(); };
  {
    const std::scoped_lock keep_publishing(slow.mutex);
    append();
    synced.get_future().wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // long enough for a wrong acknowledgement
    EXPECT_EQ(journal_.durable(), 100u);
  }
  EXPECT_TRUE(journal_.wait_until_durable(101));
  EXPECT_TRUE(slow.was_called);
}

// The other callers of a large batch may or may not return soon.
TEST_F(JournalTest, AFewBehindManyAreWrittenToo) {
  for (int i = 0; i < 3; ++i) {
    Sequence last = 0;
    {
      Journal::Turn turn(journal_);
      for (int k = 0; k < 500; ++k) last = turn.append(revocation());
    }
    ASSERT_TRUE(journal_.wait_until_durable(last));
    append();
    ASSERT_TRUE(journal_.wait_until_durable(last + 1));
  }
}

// Callers that ask again as soon as they are answered, while the log is slow: those of one commit are not
// always too late for the next one.
TEST_F(JournalTest, CallersOfASlowLogDoNotStayInTwoHalves) {
  constexpr Sequence first = 100, half = 32, rounds = 20;
  struct Callers final : CommitListener {
    explicit Callers(std::function<void()> asks) : thread([this, asks] { run(asks); }) {}
    void on_durable(Sequence durable) override {
      answered = durable;
      answered.notify_one();
    }
    void run(const std::function<void()>& ask) {
      for (Sequence seen = first; seen < first + rounds * 2 * half;) {
        answered.wait(seen);
        for (const Sequence now = answered; seen < now; ++seen) ask();
      }
    }
    std::atomic<Sequence> answered{first};
    std::thread thread;
  } callers([this] { append(); });
  journal_.add(static_cast<CommitListener&>(callers));
  const auto append_half = [&] {
    Journal::Turn turn(journal_);
    for (Sequence i = 0; i < half; ++i) turn.append(revocation());
  };
  disk_->block();
  append_half();
  disk_->wait_until_blocked();
  append_half();
  disk_->set_slowness(std::chrono::milliseconds(5));
  disk_->unblock();
  callers.thread.join();
  EXPECT_LE(disk_->commit_count(), rounds * 3 / 2);
  journal_.remove(callers);
}

TEST_F(JournalTest, NothingIsDurableBeforeItsSync) {
  journal_.add(static_cast<JournalListener&>(listener_));
  journal_.add(static_cast<CommitListener&>(listener_));
  disk_->block();
  append();
  listener_.wait_until_published(101);
  disk_->wait_until_blocked();
  EXPECT_EQ(journal_.durable(), 100u);
  EXPECT_EQ(listener_.durable(), 0u);
  disk_->unblock();
  EXPECT_TRUE(listener_.wait_until_durable(101));
  EXPECT_EQ(journal_.durable(), 101u);
}

TEST_F(JournalTest, NeverConfirmsWhatTheStoreRefused) {
  journal_.add(static_cast<CommitListener&>(listener_));
  disk_->fail_commit(2);
  append();
  ASSERT_TRUE(journal_.wait_until_durable(101));
  disk_->block();
  append();
  disk_->wait_until_blocked();
  append();  // pending after the batch that will fail
  disk_->unblock();
  EXPECT_FALSE(journal_.wait_until_durable(102));
  listener_.wait_until_failed();
  EXPECT_TRUE(journal_.has_failed());
  EXPECT_EQ(journal_.durable(), 101u);
  EXPECT_EQ(listener_.durable(), 101u);
  EXPECT_EQ(disk_->commit_count(), 1u);
}

TEST_F(JournalTest, AcceptsNothingAndTriesNothingAfterAFailure) {
  disk_->fail_commit(1);
  append();
  listener_.wait_until_failed();
  disk_->repair();  // repairing the disk changes nothing
  {
    Journal::Turn turn(journal_);
    EXPECT_EQ(turn.open().error(), errc::storage_failed);
  }
  EXPECT_EQ(append(), 0u);
  EXPECT_FALSE(journal_.wait_until_durable(101));
  journal_.stop();
  EXPECT_EQ(disk_->attempts(), 1);
  EXPECT_EQ(listener_.failures(), 1);
}

TEST_F(JournalTest, IsOverloadedWhenTooMuchGathers) {
  disk_->block();
  append();
  disk_->wait_until_blocked();
  const std::string large(60'000, 'x');
  std::size_t accepted = 0;
  while (accepted < 5000 && append(large) != 0) ++accepted;
  {
    Journal::Turn turn(journal_);
    EXPECT_EQ(turn.open().error(), errc::overloaded);
  }
  EXPECT_NEAR(static_cast<double>(accepted), Journal::max_pending_bytes / 60'000.0, 5);
  disk_->unblock();
  ASSERT_TRUE(journal_.wait_until_durable(101 + accepted));
  EXPECT_NE(append(), 0u);  // recovered
}

TEST_F(JournalTest, StopCommitsWhatHasGathered) {
  disk_->block();
  append();
  disk_->wait_until_blocked();
  for (int i = 0; i < 10; ++i) append();
  std::thread stopping([this] { journal_.stop(); });
  while (append() != 0) std::this_thread::yield();  // until stop has been noticed
  {
    Journal::Turn turn(journal_);
    EXPECT_EQ(turn.open().error(), errc::not_ready);
  }
  const auto last = journal_.applied();
  disk_->unblock();
  stopping.join();
  EXPECT_EQ(journal_.durable(), last);
  EXPECT_TRUE(journal_.wait_until_durable(last));
  EXPECT_FALSE(journal_.wait_until_durable(last + 1));
  EXPECT_EQ(listener_.failures(), 0);
}

TEST_F(JournalTest, StopsOnceOnly) {
  append();
  journal_.stop();
  journal_.stop();
  EXPECT_EQ(journal_.durable(), 101u);
}

TEST_F(JournalTest, ARemovedListenerIsNotCalledAnyMore) {
  journal_.add(static_cast<CommitListener&>(listener_));
  append();
  ASSERT_TRUE(listener_.wait_until_durable(101));
  journal_.remove(listener_);
  append();
  journal_.stop();
  EXPECT_EQ(listener_.durable(), 101u);
}

TEST_F(JournalTest, WakesItsWriterWheneverSomethingComes) {
  // One event at a time, each waited for: a lost wake-up would hang here.
  for (Sequence i = 101; i < 3101; ++i) {
    ASSERT_EQ(append(), i);
    ASSERT_TRUE(journal_.wait_until_durable(i));
  }
}

}  // namespace revoked::engine::journal_test
