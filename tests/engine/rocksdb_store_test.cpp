#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::rocksdb_store_test {

using revoked::test::TemporaryDirectory;
using test::digest_of;
using test::fold_directly;
using test::Harness;

std::unique_ptr<Store> open(const std::filesystem::path& directory) {
  std::string detail;
  auto store = open_rocksdb_store(directory, detail);
  EXPECT_TRUE(store) << detail;
  return store ? std::move(*store) : nullptr;
}

errc why_not(const std::filesystem::path& directory) {
  std::string detail;
  const auto store = open_rocksdb_store(directory, detail);
  if (store) return errc{};
  EXPECT_FALSE(detail.empty());
  return static_cast<errc>(store.error().value());
}

// A batch of `count` revocations of keys that nobody created.
Batch revocations(Sequence first, int count) {
  Batch batch;
  batch.begin(1, first);
  for (int i = 0; i < count; ++i) {
    EventView event;
    event.type = EventType::key_revoked;
    event[Field::key_id] = "k";
    batch.append(event);
  }
  return batch;
}

std::vector<Sequence> firsts(const Store& store, Sequence from) {
  std::vector<Sequence> seen;
  EXPECT_TRUE(
      store.replay(from, [&](const BatchView& batch) { return seen.push_back(batch.first()), true; }));
  return seen;
}

// The tables follow the log a moment later: nobody can tell.
TEST(RocksdbStore, WhatIsCommittedIsFoundAtOnce) {
  const TemporaryDirectory directory;
  const auto store = open(directory / "data");
  Sequence next = 1;
  const auto commit = [&](const EventView& event) {
    Batch batch;
    batch.begin(1, next);
    batch.append(event);
    ASSERT_TRUE(store->commit(batch.view()));
    ++next;
  };
  EventView created;
  created.type = EventType::key_created;
  created[Field::key_id] = "k1";
  commit(created);
  ASSERT_TRUE(store->fetch_key("k1").value());
  EXPECT_FALSE(store->fetch_key("k2").value());

  EventView revoked;
  revoked.type = EventType::owner_revoked;
  const char scope = 0;
  revoked[Field::owner_scope] = {&scope, 1};
  revoked[Field::owner_id] = "u";
  commit(revoked);
  EXPECT_EQ(store->owner_mark_after({"u"}, 1).value(), 2u);

  created[Field::key_id] = "k2";
  commit(created);
  int keys = 0;
  EXPECT_TRUE(store->scan_keys({}, [&](Sequence, const EventView&) { return ++keys != 0; }));
  EXPECT_EQ(keys, 2);

  for (int i = 0; i < 3; ++i) commit(revoked);
  EXPECT_EQ(firsts(*store, 1), (std::vector<Sequence>{1, 2, 3, 4, 5, 6}));
  commit(revoked);
  EXPECT_EQ(firsts(*store, 7), std::vector<Sequence>{7});
  commit(revoked);
  EXPECT_EQ(store->last_sequence().value(), 8u);
  EventView began;
  began.type = EventType::epoch_started;
  began[Field::journal] = "j1";
  commit(began);
  ASSERT_EQ(store->epochs()->size(), 1u);
  EXPECT_EQ(store->epochs()->front().first, 9u);
  EXPECT_EQ(store->epochs()->front().journal, "j1");
}

TEST(RocksdbStore, IsEmptyAtFirst) {
  const TemporaryDirectory directory;
  const auto store = open(directory / "data");
  EXPECT_EQ(store->last_sequence().value(), 0u);
  EXPECT_TRUE(store->epochs()->empty());
  EXPECT_EQ(store->folded_to(), 0u);
  EXPECT_TRUE(firsts(*store, 1).empty());
  EXPECT_FALSE(*store->fetch_key("k"));
  EXPECT_EQ(store->owner_mark_after({"u"}, 0).value(), 0u);
}

TEST(RocksdbStore, TheDirectoryHasOneOwner) {
  const TemporaryDirectory directory;
  auto store = open(directory / "data");
  EXPECT_EQ(why_not(directory / "data"), errc::storage_in_use);
  store.reset();
  EXPECT_EQ(why_not(directory / "data"), errc{});
}

TEST(RocksdbStore, AnUnusableDirectoryIsNotOneInUse) {
  const TemporaryDirectory directory;
  EXPECT_EQ(why_not(directory / "clock" / "not-there" / "data"), errc::storage_failed);
  std::ofstream(directory / "lock") << "a file";
  EXPECT_EQ(why_not(directory / "lock" / "data"), errc::storage_failed);
}

TEST(RocksdbStore, ReplaysFromTheMiddleOfABatch) {
  const TemporaryDirectory directory;
  const auto store = open(directory / "data");
  for (const Sequence first : {1, 11, 21}) ASSERT_TRUE(store->commit(revocations(first, 10).view()));
  EXPECT_EQ(store->last_sequence().value(), 30u);
  EXPECT_EQ(firsts(*store, 0), (std::vector<Sequence>{1, 11, 21}));
  EXPECT_EQ(firsts(*store, 1), (std::vector<Sequence>{1, 11, 21}));
  EXPECT_EQ(firsts(*store, 10), (std::vector<Sequence>{1, 11, 21}));
  EXPECT_EQ(firsts(*store, 11), (std::vector<Sequence>{11, 21}));
  EXPECT_EQ(firsts(*store, 15), (std::vector<Sequence>{11, 21}));
  EXPECT_EQ(firsts(*store, 20), (std::vector<Sequence>{11, 21}));
  EXPECT_EQ(firsts(*store, 30), (std::vector<Sequence>{21}));
  EXPECT_EQ(firsts(*store, 31), (std::vector<Sequence>{}));
  int visits = 0;
  EXPECT_TRUE(store->replay(1, [&](const BatchView&) { return ++visits < 2; }));
  EXPECT_EQ(visits, 2);
}

TEST(RocksdbStore, NoticesAGapInTheJournal) {
  const TemporaryDirectory directory;
  const auto store = open(directory / "data");
  ASSERT_TRUE(store->commit(revocations(1, 10).view()));
  ASSERT_TRUE(store->commit(revocations(12, 10).view()));  // 11 is missing
  for (const Sequence from : {1, 5, 11}) {
    const auto read = store->replay(from, [](const BatchView&) { return true; });
    ASSERT_FALSE(read) << from;
    EXPECT_EQ(read.error(), errc::storage_corrupt);
  }
  EXPECT_EQ(firsts(*store, 12), (std::vector<Sequence>{12}));
}

TEST(RocksdbStore, NoticesAMissingBeginning) {
  const TemporaryDirectory directory;
  const auto store = open(directory / "data");
  ASSERT_TRUE(store->commit(revocations(11, 10).view()));
  const auto read = store->replay(1, [](const BatchView&) { return true; });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), errc::storage_corrupt);
}

TEST(RocksdbStore, KeepsOwnersMarksApart) {
  const TemporaryDirectory directory;
  const auto store = open(directory / "data");
  const auto revoke = [&](Sequence at, Scope scope, std::string_view id, std::string_view workspace = {}) {
    Batch batch;
    batch.begin(1, at);
    EventView event;
    event.type = EventType::owner_revoked;
    const char byte = static_cast<char>(scope);
    event[Field::owner_scope] = {&byte, 1};
    event[Field::owner_id] = id;
    event[Field::workspace] = workspace;
    batch.append(event);
    ASSERT_TRUE(store->commit(batch.view()));
  };
  const std::string longest(128, 'u');
  revoke(1, Scope::user, "u");
  revoke(2, Scope::user, "uu");
  revoke(3, Scope::application, "u");
  revoke(300, Scope::user, "u");
  revoke(301, Scope::workspace, longest);
  revoke(302, Scope::user, "u", longest);
  revoke(303, Scope::application, "u", "w");
  EXPECT_EQ(store->owner_mark_after({"u"}, 0).value(), 1u);
  EXPECT_EQ(store->owner_mark_after({"u"}, 1).value(), 1u);
  EXPECT_EQ(store->owner_mark_after({"u"}, 2).value(), 300u);
  EXPECT_EQ(store->owner_mark_after({"u"}, 301).value(), 0u);
  EXPECT_EQ(store->owner_mark_after({"uu"}, 1).value(), 2u);
  EXPECT_EQ(store->owner_mark_after({"", "u"}, 1).value(), 3u);
  EXPECT_EQ(store->owner_mark_after({"", "", "u"}, 1).value(), 0u);
  EXPECT_EQ(store->owner_mark_after({"u", "", longest}, 1).value(), 302u);
  EXPECT_EQ(store->owner_mark_after({"u", "", "w"}, 1).value(), 0u);
  EXPECT_EQ(store->owner_mark_after({"", "u", "w"}, 303).value(), 303u);
  std::vector<std::string> marks;
  ASSERT_TRUE(store->load_owner_marks([&](const OwnerMark& mark) {
    std::string text;
    for (const auto scope : all_scopes) {
      const auto& id = mark.owners[static_cast<std::size_t>(scope)];
      if (!id.empty()) text.append(to_string(scope)).append(" ").append(id).append(" ");
    }
    marks.push_back(text + std::to_string(mark.sequence));
  }));
  EXPECT_EQ(marks, (std::vector<std::string>{"user u 1", "user u 300", "user uu 2", "application u 3",
                                             "workspace " + longest + " 301", "application u workspace w 303",
                                             "user u workspace " + longest + " 302"}));
}

// Keys of every kind of id, some revoked one by one, some through their owner.
void fill(Harness& engine) {
  for (int i = 0; i < 300; ++i) {
    const auto id = i % 2 ? "k" + std::to_string(i) : "k" + std::to_string(i) + ".with-a-longer-id";
    engine.create(id, {"u" + std::to_string(i % 10), "a" + std::to_string(i % 7), "w1"}).value();
    if (i % 3 == 0) engine->revoke(id, "", {}).value();
    if (i == 150) engine->revoke_owner(Scope::user, "u4", "", {}).value();
    if (i == 200) engine.restart();
  }
  engine->revoke_owner(Scope::application, "a2", "", {}).value();
  engine.settle();
}

// All that the tables know, as text.
std::string tables_of(Harness& engine) {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    const auto id = i % 2 ? "k" + std::to_string(i) : "k" + std::to_string(i) + ".with-a-longer-id";
    Decision decision;
    EXPECT_TRUE(engine->verify(digest_of(id), 1, decision));
    text += decision.key_id + " " + std::string(to_string(decision.state));
    for (const auto& owner : decision.owners) text += " " + owner;
    const auto found = engine->describe(id, 1);
    EXPECT_TRUE(found);
    if (found && found->revocation) text += " " + std::to_string(found->revocation->position.sequence);
    text += "\n";
  }
  return text;
}

TEST(RocksdbStore, RecoversTheSameTablesWhereverFoldingStands) {
  std::string expected;
  std::vector<std::uint64_t> expected_counts;
  for (const int percent : {0, 1, 33, 50, 99, 100}) {
    const TemporaryDirectory directory;
    Harness engine(directory / "data");
    fill(engine);
    if (expected.empty()) expected = tables_of(engine);
    if (percent != 0) fold_directly(engine.store(), engine->durable() * percent / 100);
    for (int restarts = 0; restarts < 2; ++restarts) {
      engine.restart();
      EXPECT_EQ(tables_of(engine), expected) << percent;
    }
    std::vector<std::uint64_t> counts;
    for (int i = 0; i < 10; ++i) {
      counts.push_back(engine->revoke_owner(Scope::user, "u" + std::to_string(i), "", {})->keys);
    }
    if (expected_counts.empty()) expected_counts = counts;
    EXPECT_EQ(counts, expected_counts) << percent;
  }
}

TEST(Folder, FoldsTheLastFewWhenItIsQuiet) {
  const TemporaryDirectory directory;
  Engine::Options options;
  options.folding = {1'000'000, 100, 64};
  Harness engine(directory / "data", options);
  fill(engine);
  EXPECT_TRUE(revoked::test::eventually([&] { return engine.store().folded_to() >= engine->durable(); }));
}

TEST(Folder, FoldsInTheBackgroundAndAtOnce) {
  for (const bool at_once : {false, true}) {
    const TemporaryDirectory directory;
    Engine::Options options;
    options.folding = {at_once ? Sequence{1'000'000} : Sequence{1}, 0, 64};
    Harness engine(directory / "data", options);
    fill(engine);
    const auto expected = tables_of(engine);
    const auto through = engine->durable();
    if (at_once) {
      engine.stop();
      const auto store = open(directory / "data");
      Journal journal(*store, 9, through, [] {});
      Folder folder(*store, journal, options.folding);
      EXPECT_TRUE(folder.fold_all());
      EXPECT_EQ(store->folded_to(), through);
      journal.stop();
    } else {
      EXPECT_TRUE(revoked::test::eventually([&] { return engine.store().folded_to() >= through; }));
      engine.stop();
    }
    engine.start();
    EXPECT_GE(engine.store().folded_to(), through);
    EXPECT_EQ(tables_of(engine), expected);
  }
}

}  // namespace revoked::engine::rocksdb_store_test
