// The engine's promises when the disk is slow or fails, or the process restarts. Named after the promises.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/engine/engine_fixtures.hpp"

namespace revoked::engine::engine_promises_test {

using test::digest_of;
using test::FakeDisk;
using test::Harness;

class EnginePromises : public test::FakeDiskFixture {
 protected:
  // Blocks a commit at the disk, so that everything after it is pending.
  // Kills the process: what is not synced is lost.
  void crash() {
    disk_->fail_commit(1);
    disk_->unblock();
    engine_.stop();
    disk_->repair();
    engine_.start();
  }
};

TEST_F(EnginePromises, P1DurableOnlyOnceSynced) {
  const auto before = engine_->durable();
  hold_the_disk();
  const auto revoked = engine_->revoke("held", "", {}).value();
  EXPECT_EQ(engine_->durable(), before);
  EXPECT_LT(engine_.listener().durable(), revoked.sequence);
  disk_->unblock();
  ASSERT_TRUE(engine_.wait_until_durable(revoked.sequence));
  crash();
  EXPECT_EQ(engine_.state("held"), KeyState::revoked);
}

TEST_F(EnginePromises, P2AbsorbingAnAllowNeverRunsAheadOfDurability) {
  disk_->visible_before_synced = true;
  hold_the_disk();
  EXPECT_EQ(engine_.state("held"), KeyState::unknown);
  EXPECT_EQ(engine_->describe("held", 1).error(), errc::not_found);
  Decision decision;
  ASSERT_TRUE(engine_->verify(digest_of("held"), 1, decision));
  EXPECT_EQ(decision.key_id, "");
  disk_->unblock();
  engine_.sync();
  EXPECT_EQ(engine_.state("held"), KeyState::active);
  EXPECT_TRUE(engine_->describe("held", 1));
}

TEST_F(EnginePromises, P2AbsorbingADenyMayRunAhead) {
  engine_.create("k1", {"u1"}).value();
  engine_.create("k2", {"u1"}).value();
  engine_.sync();
  hold_the_disk();
  engine_->revoke("k1", "", {}).value();
  EXPECT_EQ(engine_.state("k1"), KeyState::revoked);
  EXPECT_EQ(engine_.state("k2"), KeyState::active);
  engine_->revoke_owner(Scope::user, "u1", "", {}).value();
  EXPECT_EQ(engine_.state("k2"), KeyState::revoked);
  disk_->unblock();
}

TEST_F(EnginePromises, P2AbsorbingAKeyRevokedBeforeItsCreationIsSyncedNeverLives) {
  hold_the_disk();
  engine_->revoke("held", "", {}).value();
  EXPECT_EQ(engine_.state("held"), KeyState::unknown);
  disk_->unblock();
  engine_.sync();
  EXPECT_EQ(engine_.state("held"), KeyState::revoked);
}

TEST_F(EnginePromises, P2AbsorbingRevocationsSurviveRestarts) {
  engine_.create("k1", {"u1"}).value();
  engine_.create("k2", {"u1"}).value();
  engine_->revoke("k1", "", {}).value();
  for (int i = 0; i < 3; ++i) {
    engine_.restart();
    EXPECT_EQ(engine_.state("k1"), KeyState::revoked);
    EXPECT_EQ(engine_.state("k2"), KeyState::active);
    EXPECT_EQ(engine_.create("k1").error(), errc::already_exists);
    EXPECT_TRUE(engine_->revoke("k1", "", {})->already);
  }
}

TEST_F(EnginePromises, P3OrderedPositionsGoOnAcrossRestarts) {
  std::vector<Position> seen;
  for (Epoch epoch = 1; epoch <= 4; ++epoch) {
    EXPECT_EQ(engine_->epoch(), epoch);
    for (int i = 0; i < 3; ++i) {
      seen.push_back(engine_->position_of(engine_.create("k" + std::to_string(seen.size()))->sequence));
      EXPECT_EQ(seen.back().epoch, epoch);
    }
    engine_.restart();
  }
  for (std::size_t i = 1; i < seen.size(); ++i) EXPECT_LT(seen[i - 1], seen[i]);
  EXPECT_EQ(seen.back().sequence, 4u * 4);  // four starts and twelve keys, gapless
  for (const auto position : seen) EXPECT_EQ(engine_->position_of(position.sequence), position);
  EXPECT_EQ(engine_->position_of(0).epoch, 0u);
}

TEST_F(EnginePromises, P3OrderedLostEventsDoNotLendTheirPositionsToOthers) {
  hold_the_disk();
  const auto lost = engine_->position_of(engine_.create("lost")->sequence);
  crash();
  EXPECT_EQ(engine_.state("held"), KeyState::unknown);
  EXPECT_EQ(engine_.state("lost"), KeyState::unknown);
  const auto next = engine_->position_of(engine_.create("next")->sequence);
  EXPECT_EQ(next.sequence, lost.sequence);
  EXPECT_NE(next.epoch, lost.epoch);
  EXPECT_FALSE(engine_->can_continue(lost, engine_->applied()));
  EXPECT_TRUE(engine_->can_continue(next, engine_->applied()));
}

TEST_F(EnginePromises, P3OrderedReadersContinueWhereTheyStandOrStartAfresh) {
  engine_.create("k1").value();  // 1-2, after the epoch's start 1-1
  engine_.restart();             // 2-3
  engine_.create("k2").value();  // 2-4
  engine_.create("k3").value();  // 2-5
  const Sequence last = 5;
  struct Row {
    Position position;
    bool can;
  };
  for (const auto& [position, can] : std::vector<Row>{
           {{0, 0}, true},   // new reader: reads everything
           {{0, 1}, false},  // no epoch 0
           {{1, 0}, true},   // before the first event
           {{1, 1}, true},
           {{1, 2}, true},   // the exact end of epoch 1
           {{1, 3}, false},  // ahead: it read something that was lost
           {{2, 1}, false},  // not in epoch 2
           {{2, 2}, true},   // exactly before its start
           {{2, 3}, true},
           {{2, 5}, true},   // all that was published
           {{2, 6}, false},  // more than was published
           {{3, 5}, false},  // an unknown epoch
           {{~Epoch{0}, 5}, false},
           {{2, ~Sequence{0}}, false},
       }) {
    EXPECT_EQ(engine_->can_continue(position, last), can) << to_string(position);
  }
  EXPECT_FALSE(engine_->can_continue({2, 5}, 4));
}

TEST_F(EnginePromises, P14GenuineEachEpochHasAJournalIdOfItsOwnAndKeepsIt) {
  std::vector<std::string> ids;
  for (Epoch epoch = 1; epoch <= 3; ++epoch) {
    ids.emplace_back(engine_->journal_id());
    EXPECT_TRUE(is_journal_id(ids.back())) << ids.back();
    EXPECT_GE(ids.back().size(), 13u) << "64 bits";
    engine_.restart();
  }
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_NE(ids[1], ids[2]);
  for (Epoch epoch = 1; epoch <= 3; ++epoch) EXPECT_EQ(engine_->journal_id_of(epoch), ids[epoch - 1]);
  EXPECT_EQ(engine_->journal_id_of(4), engine_->journal_id());
  EXPECT_TRUE(engine_->journal_id_of(5).empty());
  EXPECT_TRUE(engine_->can_continue({2, 2}, 4, ids[1]));
  EXPECT_FALSE(engine_->can_continue({2, 2}, 4, ids[0])) << "an epoch with the same number but another id";
}

TEST_F(EnginePromises, ReadJournalGivesDurableBatchesOnly) {
  disk_->visible_before_synced = true;
  engine_.create("k1").value();
  engine_.sync();
  hold_the_disk();
  std::vector<Sequence> seen;
  const auto read = [&](Sequence after) {
    seen.clear();
    EXPECT_TRUE(engine_->read_journal(after, [&](const BatchView& batch) {
      for (auto at = batch.first(); at <= batch.last(); ++at) seen.push_back(at);
      return true;
    }));
    return seen;
  };
  EXPECT_EQ(read(0), (std::vector<Sequence>{1, 2}));
  EXPECT_EQ(read(1), (std::vector<Sequence>{2}));
  EXPECT_EQ(read(2), (std::vector<Sequence>{}));
  EXPECT_EQ(read(~Sequence{0}), (std::vector<Sequence>{}));
  disk_->unblock();
  engine_.sync();
  EXPECT_EQ(read(1), (std::vector<Sequence>{2, 3}));
}

TEST_F(EnginePromises, P9HonestWhatFailedMayHaveHappened) {
  engine_.create("k1").value();
  engine_.sync();
  disk_->visible_before_synced = true;
  disk_->fail_commit(1);
  const auto revoked = engine_->revoke("k1", "leaked", {}).value();
  engine_.listener().wait_until_failed();
  EXPECT_LT(engine_->durable(), revoked.sequence);
  disk_->repair();
  engine_.restart();
  const auto again = engine_->revoke("k1", "leaked", {}).value();  // repeating it has one effect
  EXPECT_TRUE(again.already);
  EXPECT_EQ(again.sequence, revoked.sequence);
}

TEST_F(EnginePromises, P8AtomicAnOwnersRevocationIsOneEvent) {
  for (int i = 0; i < 100; ++i) engine_.create("k" + std::to_string(i), {"u1"}).value();
  const auto before = engine_->applied();
  const auto revoked = engine_->revoke_owner(Scope::user, "u1", "", {}).value();
  EXPECT_EQ(revoked.keys, 100u);
  EXPECT_EQ(revoked.sequence, before + 1);
  EXPECT_EQ(engine_->applied(), before + 1);
  engine_.sync();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(engine_.state("k" + std::to_string(i)), KeyState::revoked);
}

TEST_F(EnginePromises, P8AtomicALostOwnersRevocationTookEffectNowhere) {
  for (int i = 0; i < 10; ++i) engine_.create("k" + std::to_string(i), {"u1"}).value();
  engine_.sync();
  hold_the_disk();
  engine_->revoke_owner(Scope::user, "u1", "", {}).value();
  crash();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(engine_.state("k" + std::to_string(i)), KeyState::active);
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u1", "", {})->keys, 10u);
}

TEST_F(EnginePromises, P11StorageFailureStopsAcknowledgingAndGoesOnDenying) {
  engine_.create("k1", {"u1"}).value();
  engine_.create("k2").value();
  engine_.sync();
  const auto durable = engine_->durable();
  disk_->fail_commit(1);
  engine_->revoke("k1", "", {}).value();
  engine_.listener().wait_until_failed();
  EXPECT_TRUE(engine_->has_failed());
  EXPECT_FALSE(engine_->is_ready());
  EXPECT_EQ(engine_->durable(), durable);
  EXPECT_EQ(engine_.state("k1"), KeyState::revoked);
  EXPECT_EQ(engine_.state("k2"), KeyState::active);
  EXPECT_EQ(engine_.create("k3").error(), errc::storage_failed);
  EXPECT_EQ(engine_->revoke("k2", "", {}).error(), errc::storage_failed);
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u1", "", {}).error(), errc::storage_failed);
  EXPECT_EQ(engine_.listener().failures(), 1);
}

TEST(EngineStart, FailsLoudlyWhenItsEpochCannotBeSynced) {
  const auto disk = std::make_shared<FakeDisk>();
  disk->fail_commit(1);
  Harness engine(disk);
  ASSERT_FALSE(engine.started());
  EXPECT_EQ(engine.started().error(), errc::storage_failed);
  EXPECT_FALSE(engine->is_ready());
}

// Gateways believe no engine of an older epoch than one that they have heard of.
TEST(NewEpoch, IsToldOnceItIsDurable) {
  const auto disk = std::make_shared<FakeDisk>();
  {
    Harness first(disk);
    ASSERT_TRUE(first.started());
    first.sync();
    first.stop();
  }
  struct Listener : JournalListener {
    void on_batch(const BatchView& batch) override { told = batch.epoch(); }
    std::atomic<Epoch> told = 0;
  };
  const auto follow = [&](Engine& engine, Listener& listener) {
    ASSERT_TRUE(engine.start(
        std::make_unique<test::FakeStore>(disk), listener, [](const auto&...) {}, Engine::Role::follower));
  };
  {
    Listener listener;
    Engine engine({}, [] {});
    ASSERT_NO_FATAL_FAILURE(follow(engine, listener));
    disk->fail_commit(1);
    EXPECT_EQ(engine.lead().error(), errc::storage_failed);
    EXPECT_EQ(listener.told, 0u);
    EXPECT_EQ(engine.epoch(), 1u);
    EXPECT_FALSE(engine.leads());
    disk->repair();
  }
  Listener listener;
  Engine engine({}, [] {});
  ASSERT_NO_FATAL_FAILURE(follow(engine, listener));
  const std::string journal(engine.journal_id());
  disk->block();
  std::thread leads([&] { EXPECT_TRUE(engine.lead()); });
  disk->wait_until_blocked();
  EXPECT_EQ(listener.told, 0u);
  EXPECT_EQ(engine.epoch(), 1u);
  EXPECT_EQ(engine.journal_id(), journal);
  EXPECT_FALSE(engine.leads());
  disk->unblock();
  leads.join();
  EXPECT_EQ(listener.told, 2u);
  EXPECT_EQ(engine.epoch(), 2u);
  EXPECT_NE(engine.journal_id(), journal);
}

}  // namespace revoked::engine::engine_promises_test
