// A start from a checkpoint has the same result as one from the store, whatever happened while it was
// written; and with a damaged file, the start ignores it.

#include "engine/tables/checkpoint.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::checkpoint_test {

using revoked::test::eventually;
using revoked::test::TemporaryDirectory;
using revoked::test::when_idle;
using test::FakeDisk;
using test::FakeStore;
using test::Harness;

class Checkpoint : public testing::Test {
 protected:
  Checkpoint() { start({}); }

  void start(const std::string& checkpoint_file) {
    engine_.reset();
    Engine::Options options;
    options.checkpoint_file = checkpoint_file;
    options.checkpoint_after = 1'000'000'000;  // the tests write their own
    engine_ = std::make_unique<Harness>([this] { return std::make_unique<FakeStore>(disk_); }, options);
    ASSERT_TRUE(engine_->started());
  }

  // Writes the tables of a start on this disk, cut now; calls `meanwhile` once the keys are copied.
  void write(const std::function<void(Tables&)>& meanwhile = {}) {
    engine_->sync();
    Tables tables;
    FakeStore store(disk_);
    const auto recovered = recover(
        store, {}, tables, [](const LoadProgress&) {}, detail_);
    ASSERT_TRUE(recovered) << detail_;
    const auto last = store.last();
    const auto cut = cut_tables(tables, last);
    const auto wait_for_newest = [&]() -> result<Sequence> { return last; };
    const auto digest_of = [&](Sequence sequence) { return digest_of_batch(store, sequence); };
    bool first = true;
    const auto go_on = [&] {
      if (std::exchange(first, false) && meanwhile) meanwhile(tables);
      return true;
    };
    const auto made =
        write_checkpoint(file_, tables, cut, {recovered->epochs, go_on, wait_for_newest, digest_of});
    ASSERT_TRUE(made);
  }

  // The mark of the file, if it is whole.
  std::optional<CheckpointMark> mark() {
    Tables tables;
    std::vector<EpochStart> epochs;
    const auto read = read_checkpoint(
        file_, [](const CheckpointMark&) { return true; }, tables, epochs);
    EXPECT_EQ(tables.keys.size() != 0, read.has_value());
    return read ? std::optional(*read) : std::nullopt;
  }
  bool is_good() { return mark().has_value(); }

  // Removes the checkpoint's events from the journal, except epoch starts, the end, and the batch by which
  // the checkpoint knows its journal.
  void forget_journal() {
    engine_->stop();
    const auto through = mark()->sequence, newest = mark()->newest;
    std::erase_if(disk_->batches, [&](const std::string& bytes) {
      BatchView batch;
      bool begins_epoch = false;
      EXPECT_TRUE(BatchView::parse(bytes, batch) && batch.for_each([&](Sequence, const EventView& event) {
        begins_epoch |= event.type == EventType::epoch_started;
      }));
      const bool has_newest = batch.first() <= newest && newest <= batch.last();
      return batch.last() <= through && !begins_epoch && !has_newest && &bytes != &disk_->batches.back();
    });
  }
  Sequence last_sequence() { return FakeStore(disk_).last(); }

  std::string detail_;

  Harness& engine() { return *engine_; }

  TemporaryDirectory directory_;
  const std::string file_ = directory_ / "tables";
  std::shared_ptr<FakeDisk> disk_ = std::make_shared<FakeDisk>();
  std::unique_ptr<Harness> engine_;
};

const std::string long_id(100, 'x');

TEST_F(Checkpoint, HoldsKeysOwnersAndWhatBecameOfThem) {
  auto& engine = this->engine();
  engine.create("plain", {"ann", "app", "acme"});
  engine.create(long_id, {"owner-with-a-rather-long-name", "", "acme"});
  engine.create("019b7ca9-8f2e-7000-8000-000000000001", {"bob", "", "acme"});
  engine.create("revoked", {"bob", "", "acme"});
  engine.create("suspended", {"bob", "", "other"});
  engine.create("rotated", {"cid", "", ""});
  engine.create("of-dee", {"dee", "", ""});
  NewKey rich;
  rich.key_id = "rich";
  rich.digest = test::digest_of("rich");
  rich.permissions = "keys:read keys:verify";
  rich.expires_at = 5000;
  ASSERT_TRUE(engine->create(rich, {}));
  ASSERT_TRUE(engine->revoke("revoked", "", {}));
  ASSERT_TRUE(engine->suspend("suspended", "", {}));
  ASSERT_TRUE(engine->rotate("rotated", test::digest_of("rotated-new"), 1'000'000, {}));
  ASSERT_TRUE(engine->revoke_owner(Scope::user, "dee", "", {}));
  engine.create("of-dee-later", {"dee", "", ""});
  write();
  forget_journal();
  start(file_);

  auto& again = this->engine();
  for (const auto& id :
       {std::string("plain"), long_id, std::string("of-dee-later"), std::string("rotated-new"),
        std::string("rotated"), std::string("019b7ca9-8f2e-7000-8000-000000000001")})
    EXPECT_EQ(again.state(id), KeyState::active) << id;
  EXPECT_EQ(again.state("revoked"), KeyState::revoked);
  EXPECT_EQ(again.state("of-dee"), KeyState::revoked);
  EXPECT_EQ(again.state("suspended"), KeyState::suspended);
  EXPECT_EQ(again.state("rich"), KeyState::active);
  EXPECT_EQ(again.state("rich", 5001), KeyState::expired);
  Decision decision;
  ASSERT_TRUE(again->verify(test::digest_of("rich"), 1, decision));
  EXPECT_EQ(decision.permissions, "keys:read keys:verify");
  ASSERT_TRUE(again->verify(test::digest_of(long_id), 1, decision));
  EXPECT_EQ(decision.key_id, long_id);
  EXPECT_EQ(decision.owner(Scope::user), "owner-with-a-rather-long-name");
  EXPECT_EQ(decision.owner(Scope::workspace), "acme");
  // The counters are exact: the keys of a revocation by owner.
  EXPECT_EQ(again->revoke_owner(Scope::user, "dee", "", {})->keys, 1u);
  EXPECT_EQ(again->revoke_owner(Scope::workspace, "acme", "", {})->keys, 3u);
  EXPECT_EQ(again->revoke_owner(Scope::user, "cid", "", {})->keys, 1u);
  // Both secrets of the rotated key were revoked.
  EXPECT_EQ(again.state("rotated"), KeyState::revoked);
  EXPECT_EQ(again.state("rotated-new"), KeyState::revoked);
  NewKey taken;
  taken.key_id = "plain";
  taken.digest = test::digest_of("x");
  EXPECT_EQ(again->create(taken, {}).error(), make_error_code(errc::already_exists));
}

TEST_F(Checkpoint, HoldsLocksAndWhoseTheyAre) {
  auto& engine = this->engine();
  Principal narrow{false, {}, {}, "k1", ActorKind::key};
  narrow.reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"w1"};
  const Caller of_w1{"k1", {}, {}, &narrow.reach, ActorKind::key, &narrow};
  engine.create("of-ann", {"ann", "", "w1"});
  engine.create("of-bob", {"bob", "", "w1"});
  engine.create("of-bob-elsewhere", {"bob", "", "w2"});
  engine.create("of-cid", {"cid", "", ""});
  const auto end = now_unix_ms() + 3'600'000;
  ASSERT_TRUE(engine->lock_owner(Scope::user, "ann", end, "", {}));
  ASSERT_TRUE(engine->lock_owner(Scope::user, "bob", 0, "", of_w1));
  ASSERT_TRUE(engine->lock_owner(Scope::user, "cid", 0, "", {}));
  ASSERT_TRUE(engine->lock_owner(Scope::user, "nobody", 0, "", {}));
  ASSERT_TRUE(engine->unlock_owner(Scope::user, "cid", "", {}));
  engine.sync();
  const auto next = engine->applied() + 1;
  write([next](Tables& tables) { tables.unlock_owners(next, Scope::user, {"ann", "", ""}); });
  ASSERT_TRUE(engine->unlock_owner(Scope::user, "ann", "", {}));
  ASSERT_TRUE(engine->lock_owner(Scope::user, "ann", end, "", {}));
  ASSERT_TRUE(engine->lock_owner(Scope::workspace, "w2", 0, "", {}));
  engine.sync();
  forget_journal();
  start(file_);
  auto& again = this->engine();
  EXPECT_EQ(again.state("of-ann", end - 1), KeyState::locked);
  EXPECT_EQ(again.state("of-ann", end), KeyState::active);
  EXPECT_EQ(again.state("of-bob"), KeyState::locked);
  EXPECT_EQ(again.state("of-bob-elsewhere"), KeyState::locked) << "by w2, which was replayed";
  EXPECT_EQ(again.state("of-cid"), KeyState::active);
  EXPECT_EQ(again->unlock_owner(Scope::user, "ann", "", of_w1).error(), errc::locked_by_wider);
  EXPECT_TRUE(again->unlock_owner(Scope::user, "bob", "", of_w1));
  again.sync();
  EXPECT_EQ(again.state("of-bob"), KeyState::active);
}

TEST_F(Checkpoint, WhatCameAfterItIsReplayed) {
  auto& engine = this->engine();
  for (const auto* id : {"a", "b", "c", "d", "e"}) engine.create(id, {"ann", "", ""});
  write();
  engine.create("new", {"ann", "", ""});
  ASSERT_TRUE(engine->revoke("a", "", {}));
  ASSERT_TRUE(engine->suspend("b", "", {}));
  ASSERT_TRUE(engine->rotate("c", test::digest_of("c-new"), 1'000'000, {}));
  engine.create("of-bob", {"bob", "", ""});
  ASSERT_TRUE(engine->revoke_owner(Scope::user, "bob", "", {}));
  engine.sync();
  forget_journal();
  start(file_);
  auto& again = this->engine();
  EXPECT_EQ(again.state("a"), KeyState::revoked);
  EXPECT_EQ(again.state("b"), KeyState::suspended);
  EXPECT_EQ(again.state("c-new"), KeyState::active);
  EXPECT_EQ(again.state("of-bob"), KeyState::revoked);
  EXPECT_EQ(again.state("new"), KeyState::active);
  EXPECT_EQ(again->revoke_owner(Scope::user, "ann", "", {})->keys, 5u);
}

// Changes during the copy may be in it or not: after the replay the result is the same.
TEST_F(Checkpoint, ChangesMeanwhileDoNoHarm) {
  auto& engine = this->engine();
  for (const auto* id : {"revoked", "suspended", "rotated", "twice"}) engine.create(id, {"ann", "", ""});
  NewKey expiring;
  expiring.key_id = "expiring";
  expiring.digest = test::digest_of("expiring");
  expiring.expires_at = 5'000'000'000'000;
  ASSERT_TRUE(engine->create(expiring, {}));
  // The journal contains them, too.
  ASSERT_TRUE(engine->durable() != 0);
  engine.sync();
  const auto cut_at = engine->durable();
  write([&](Tables& tables) {
    auto sequence = cut_at;
    const auto slot = [&](const char* id) { return tables.keys.find_by_id(id); };
    tables.revoke_key(slot("revoked"), ++sequence);
    tables.suspend_key(slot("suspended"), 0x49);
    ++sequence;
    tables.rotate_key(slot("rotated"), ++sequence, test::digest_of("rotated-new"), {10, 10});
    tables.rotate_key(slot("twice"), ++sequence, test::digest_of("twice-1"), {10, 10});
    tables.rotate_key(slot("twice"), ++sequence, test::digest_of("twice-2"), {10, 10});
    tables.rotate_key(slot("expiring"), ++sequence, test::digest_of("expiring-new"), {10, 10});
  });
  ASSERT_TRUE(engine->revoke("revoked", "", {}));
  ASSERT_TRUE(engine->suspend("suspended", "", {}));
  ASSERT_TRUE(engine->rotate("rotated", test::digest_of("rotated-new"), 0, {}));
  ASSERT_TRUE(engine->rotate("twice", test::digest_of("twice-1"), 0, {}));
  ASSERT_TRUE(engine->rotate("twice", test::digest_of("twice-2"), 0, {}));
  ASSERT_TRUE(engine->rotate("expiring", test::digest_of("expiring-new"), 0, {}));
  ASSERT_TRUE(engine->resume("suspended", "", {}));
  engine.sync();
  EXPECT_TRUE(revoked::test::eventually([&] { return engine.state("suspended") == KeyState::active; }));
  ASSERT_TRUE(engine->suspend("suspended", "", {}));
  engine.sync();
  forget_journal();
  start(file_);
  auto& again = this->engine();
  EXPECT_EQ(again.state("revoked"), KeyState::revoked);
  Principal narrow{false, {}, {}, "k1", ActorKind::key};
  narrow.reach.limits[static_cast<std::size_t>(Scope::user)] = {"ann"};
  const Caller caller{"k1", {}, {}, &narrow.reach, ActorKind::key, &narrow};
  EXPECT_EQ(again->resume("suspended", "", caller).error(), errc::suspended_by_wider)
      << "not the copied state";
  EXPECT_EQ(again.state("suspended"), KeyState::suspended);
  for (const auto* id : {"rotated-new", "twice-2", "expiring-new"}) {
    EXPECT_EQ(again.state(id, 1'000'000), KeyState::active) << id;
  }
  EXPECT_EQ(again.state("expiring-new", 5'000'000'000'001), KeyState::expired);
  for (const auto* id : {"rotated", "twice", "twice-1", "expiring"}) {
    EXPECT_EQ(again.state(id, now_unix_ms() + 1), KeyState::expired) << id;
  }
  ASSERT_TRUE(again->revoke("twice", "", {}));
  EXPECT_EQ(again.state("twice-2"), KeyState::revoked);
  EXPECT_EQ(again->revoke_owner(Scope::user, "ann", "", {})->keys, 2u);
}

// Of several engines, one may have events that the shared journal has lost, and has others in their place.
TEST_F(Checkpoint, OfAnotherHistoryIsNotRead) {
  engine().create("that-was-lost");
  write();
  const auto from = [&] {
    Tables tables;
    return recover(
               FakeStore(disk_), file_, tables, [](const LoadProgress&) {}, detail_)
        ->checkpoint;
  };
  EXPECT_NE(from(), 0u);
  auto& end = disk_->batches.back();
  const auto at = end.find("that-was-lost");
  ASSERT_NE(at, std::string::npos);
  end.replace(at, 4, "this");
  EXPECT_EQ(from(), 0u);
}

TEST_F(Checkpoint, DamagedAnywhereIsNotRead) {
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(engine().create("key" + std::to_string(i), {"ann", "", ""}));
  write();
  ASSERT_TRUE(is_good());
  const auto size = std::filesystem::file_size(file_);
  ASSERT_GT(size, 2u << 20);
  for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{100}, std::uint64_t{1000},
                                 std::uint64_t{1'500'000}, size - 40, size - 1}) {
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get());
    const auto put = [&](char value) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put(value).flush();
    };
    put(static_cast<char>(byte ^ 4));
    EXPECT_FALSE(is_good()) << "byte " << at;
    put(byte);
  }
  ASSERT_TRUE(is_good());
  for (const auto cut : {size - 1, size / 2, std::uint64_t{100}, std::uint64_t{0}}) {
    std::filesystem::resize_file(file_, cut);
    EXPECT_FALSE(is_good()) << cut << " bytes";
  }
  std::filesystem::remove(file_);
  EXPECT_FALSE(is_good());
  // The engine starts anyway.
  start(file_);
  EXPECT_EQ(engine().state("key7"), KeyState::active);
}

// The header is valid except for the version.
TEST_F(Checkpoint, OfAnEarlierFormatIsNotRead) {
  engine().create("a");
  write();
  ASSERT_TRUE(is_good());
  std::string bytes;
  {
    std::ifstream file(file_, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  const auto magic = bytes.find("rvktable");
  ASSERT_NE(magic, std::string::npos);
  const auto sum_of = [&](std::size_t size) {
    const auto digest = sha256(std::string_view(bytes).substr(magic, size));
    return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
  };
  std::size_t size = 16;  // of the header, before its sum
  while (magic + size < bytes.size() && bytes.compare(magic + size, 32, sum_of(size)) != 0) size += 8;
  ASSERT_LT(magic + size, bytes.size());
  for (const char version : {6, 7}) {
    bytes[magic + 8] = version;
    bytes.replace(magic + size, 32, sum_of(size));
    std::ofstream(file_, std::ios::binary) << bytes;
    EXPECT_EQ(is_good(), version == 7) << "version " << int{version};
  }
}

// Otherwise its positions would be reused.
TEST_F(Checkpoint, LaterThanTheJournalRefusesTheStart) {
  engine().create("a");
  engine().create("b");
  write();
  engine().stop();
  disk_->batches.pop_back();
  Tables tables;
  const auto recovered = recover(
      FakeStore(disk_), file_, tables, [](const LoadProgress&) {}, detail_);
  EXPECT_EQ(recovered.error(), make_error_code(errc::storage_corrupt));
}

TEST_F(Checkpoint, IsMadeInTheBackgroundAndOnlyWhenDue) {
  engine().stop();
  Engine::Options options;
  options.checkpoint_file = file_;
  options.checkpoint_after = 1000;
  Harness engine([this] { return std::make_unique<FakeStore>(disk_); }, options);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(engine.create("key" + std::to_string(i)));
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(file_) && is_good(); }));
  const auto sequence = mark()->sequence;
  ASSERT_TRUE(engine->revoke("key7", "", {}));
  engine.sync();
  engine.stop();
  EXPECT_EQ(mark()->sequence, sequence);
  engine.start();
  ASSERT_TRUE(engine.started());
  EXPECT_EQ(engine.state("key8"), KeyState::active);
  EXPECT_EQ(engine.state("key7"), KeyState::revoked);
}

TEST_F(Checkpoint, IsMadeAtAStopIfDue) {
  engine().stop();
  Engine::Options options;
  options.checkpoint_file = file_;
  options.checkpoint_after = 1000;
  Harness engine([this] { return std::make_unique<FakeStore>(disk_); }, options);
  for (int i = 0; i < 999; ++i) ASSERT_TRUE(engine.create("key" + std::to_string(i)));
  engine.stop();
  ASSERT_TRUE(is_good());
  const auto sequence = mark()->sequence;
  EXPECT_EQ(sequence, last_sequence());
  engine.start();
  ASSERT_TRUE(engine.started());
  engine.stop();
  EXPECT_EQ(mark()->sequence, sequence);  // too little new for another one
}

TEST_F(Checkpoint, IsMadeByTheStopThatInterruptsOne) {
  engine().stop();
  Engine::Options options;
  options.checkpoint_file = file_;
  options.checkpoint_after = 20'000;
  Harness engine([this] { return std::make_unique<FakeStore>(disk_); }, options);
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(engine.create("key" + std::to_string(i)));
  const auto begun = [&] { return std::filesystem::exists(file_ + ".new"); };
  while (!begun() && !std::filesystem::exists(file_)) std::this_thread::yield();
  engine.stop();
  EXPECT_TRUE(is_good());
}

// A checkpoint never contains what a crash could undo.
TEST_F(Checkpoint, P2AbsorbingNothingInItIsAheadOfTheDisk) {
  engine().stop();
  Engine::Options options;
  options.checkpoint_file = file_;
  options.checkpoint_after = last_sequence() + 2;  // due with the first key of the new epoch
  std::atomic<bool> blocks_again{true};
  Harness engine([this] { return std::make_unique<FakeStore>(disk_); }, options);
  disk_->block();
  ASSERT_TRUE(engine.create("key"));
  disk_->wait_until_blocked();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(engine.create("key" + std::to_string(i)));
  disk_->on_synced = [&](const BatchView&) {
    if (blocks_again) disk_->block();
  };
  disk_->unblock();  // for the first key only
  const auto exists = [](const std::string& file) { return std::filesystem::exists(file); };
  const auto draft = file_ + ".new";
  EXPECT_TRUE(eventually([&] { return exists(draft) || exists(file_); }, when_idle));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // long enough for a wrong one to be finished
  EXPECT_FALSE(exists(file_));
  EXPECT_TRUE(exists(draft));
  blocks_again = false;
  disk_->unblock();
  EXPECT_TRUE(eventually([&] { return exists(file_) && is_good(); }, when_idle));
}

}  // namespace revoked::engine::checkpoint_test
