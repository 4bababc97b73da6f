#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::log_store_test {

using revoked::test::TemporaryDirectory;
using test::digest_of;
using test::Harness;

std::unique_ptr<Store> open(const std::filesystem::path& directory) {
  std::string detail;
  auto store = open_store(directory, {}, detail);
  EXPECT_TRUE(store) << detail;
  return store ? std::move(*store) : nullptr;
}

errc why_not(const std::filesystem::path& directory) {
  std::string detail;
  const auto store = open_store(directory, {}, detail);
  if (store) return errc{};
  EXPECT_FALSE(detail.empty());
  return static_cast<errc>(store.error().value());
}

// A batch of `count` revocations of unknown keys.
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
  EXPECT_TRUE(store.read(from, [&](const BatchView& batch) { return seen.push_back(batch.first()), true; }));
  return seen;
}

// From the index, once it is up to date.
std::vector<Sequence> indexed(const Store& store, IndexKind kind, std::string_view id, Sequence from = 0) {
  std::vector<Sequence> found;
  EXPECT_TRUE(store.wait_for_index());
  EXPECT_TRUE(store.scan_index(kind, id, from, [&](Sequence at) { return found.push_back(at), true; }));
  return found;
}

TEST(LogStore, WhatIsCommittedIsFoundAtOnce) {
  const TemporaryDirectory directory;
  const auto store = open(directory / "data");
  Sequence next = 1;
  const auto commit = [&](const EventView& event) {
    Batch batch;
    batch.begin(1, next);
    batch.append(event);
    ASSERT_TRUE(store->append(batch.view()));
    ++next;
  };
  EventView created;
  created.type = EventType::key_created;
  created[Field::key_id] = "k1";
  commit(created);

  EventView revoked;
  revoked.type = EventType::owner_revoked;
  const char scope = 0;
  revoked[Field::owner_scope] = {&scope, 1};
  revoked[Field::owner_id] = "u";
  commit(revoked);
  EXPECT_EQ(indexed(*store, IndexKind::owners, index_id({"u"})), std::vector<Sequence>{2});
  EXPECT_TRUE(indexed(*store, IndexKind::key, "k1").empty()) << "in the tables instead";

  created[Field::key_id] = "k2";
  commit(created);

  for (int i = 0; i < 3; ++i) commit(revoked);
  EXPECT_EQ(firsts(*store, 1), (std::vector<Sequence>{1, 2, 3, 4, 5, 6}));
  commit(revoked);
  EXPECT_EQ(firsts(*store, 7), std::vector<Sequence>{7});
  commit(revoked);
  EXPECT_EQ(store->last(), 8u);
  EventView began;
  began.type = EventType::epoch_started;
  began[Field::journal] = "j1";
  commit(began);
  EXPECT_TRUE(*has_epoch(*store, {1, 9, "j1"}));
  for (const auto& other : {EpochStart{1, 9, "j2"}, {2, 9, "j1"}, {1, 8, "j1"}, {1, 10, "j1"}})
    EXPECT_FALSE(*has_epoch(*store, other));
}

TEST(LogStore, IsEmptyAtFirst) {
  const TemporaryDirectory directory;
  const auto store = open(directory / "data");
  EXPECT_EQ(store->last(), 0u);
  EXPECT_TRUE(firsts(*store, 1).empty());
  EXPECT_EQ(store->indexed_to(), 0u);
}

TEST(LogStore, TheDirectoryHasOneOwner) {
  const TemporaryDirectory directory;
  auto store = open(directory / "data");
  EXPECT_EQ(why_not(directory / "data"), errc::storage_in_use);
  store.reset();
  EXPECT_EQ(why_not(directory / "data"), errc{});
}

TEST(LogStore, AnUnusableDirectoryIsNotOneInUse) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "lock") << "a file";
  EXPECT_EQ(why_not(directory / "lock" / "data"), errc::storage_failed);
}

// Otherwise its positions would be reused.
TEST(LogStore, RefusesALogThatEndsBeforeWhatTheIndexKnows) {
  const TemporaryDirectory directory;
  const auto log = directory.path() / "data" / "log";
  ASSERT_TRUE(open(directory / "data")->append(revocations(1, 10).view()));
  std::filesystem::copy(log, directory.path() / "older", std::filesystem::copy_options::recursive);
  ASSERT_TRUE(open(directory / "data")->append(revocations(11, 10).view()));
  std::filesystem::remove_all(log);
  std::filesystem::copy(directory.path() / "older", log, std::filesystem::copy_options::recursive);
  EXPECT_EQ(why_not(directory / "data"), errc::storage_corrupt);
  std::filesystem::remove_all(directory.path() / "data" / "index");
  EXPECT_EQ(why_not(directory / "data"), errc{});
}

TEST(LogStore, MakesAnIndexOfAnotherLogAnew) {
  const TemporaryDirectory directory;
  Harness ours(directory / "ours");
  ours.create("a", {"ann"}).value();
  ours.create("b", {"bob"}).value();
  ours.sync();
  ours.stop();
  {
    Harness other(directory / "other");
    other.create("c", {"cid"}).value();
    other.sync();
  }
  std::filesystem::remove_all(directory.path() / "ours" / "index");
  std::filesystem::copy(directory.path() / "other" / "index", directory.path() / "ours" / "index");
  ours.start();
  EXPECT_EQ(indexed(ours.store(), IndexKind::user, "ann"), std::vector<Sequence>{2});
  EXPECT_EQ(indexed(ours.store(), IndexKind::user, "bob"), std::vector<Sequence>{3});
  EXPECT_TRUE(indexed(ours.store(), IndexKind::user, "cid").empty());
}

TEST(LogStore, ReplaysFromTheMiddleOfABatch) {
  const TemporaryDirectory directory;
  const auto store = open(directory / "data");
  for (const Sequence first : {1, 11, 21}) ASSERT_TRUE(store->append(revocations(first, 10).view()));
  EXPECT_EQ(store->last(), 30u);
  EXPECT_EQ(firsts(*store, 0), (std::vector<Sequence>{1, 11, 21}));
  EXPECT_EQ(firsts(*store, 1), (std::vector<Sequence>{1, 11, 21}));
  EXPECT_EQ(firsts(*store, 10), (std::vector<Sequence>{1, 11, 21}));
  EXPECT_EQ(firsts(*store, 11), (std::vector<Sequence>{11, 21}));
  EXPECT_EQ(firsts(*store, 15), (std::vector<Sequence>{11, 21}));
  EXPECT_EQ(firsts(*store, 20), (std::vector<Sequence>{11, 21}));
  EXPECT_EQ(firsts(*store, 30), (std::vector<Sequence>{21}));
  EXPECT_EQ(firsts(*store, 31), (std::vector<Sequence>{}));
  int visits = 0;
  EXPECT_TRUE(store->read(1, [&](const BatchView&) { return ++visits < 2; }));
  EXPECT_EQ(visits, 2);
}

TEST(LogStore, KeepsOwnersMarksApart) {
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
    ASSERT_TRUE(store->append(batch.view()));
  };
  const auto first_revocation = [&](const OwnerIds& owners, Sequence from) {
    const auto found = indexed(*store, IndexKind::owners, index_id(owners), from);
    return found.empty() ? 0 : found.front();
  };
  const std::string longest(128, 'u');
  revoke(1, Scope::user, "u");
  revoke(2, Scope::user, "uu");
  revoke(3, Scope::application, "u");
  ASSERT_TRUE(store->append(revocations(4, 296).view()));
  revoke(300, Scope::user, "u");
  revoke(301, Scope::workspace, longest);
  revoke(302, Scope::user, "u", longest);
  revoke(303, Scope::application, "u", "w");
  EXPECT_EQ(first_revocation({"u"}, 0), 1u);
  EXPECT_EQ(first_revocation({"u"}, 1), 1u);
  EXPECT_EQ(first_revocation({"u"}, 2), 300u);
  EXPECT_EQ(first_revocation({"u"}, 301), 0u);
  EXPECT_EQ(first_revocation({"uu"}, 1), 2u);
  EXPECT_EQ(first_revocation({"", "u"}, 1), 3u);
  EXPECT_EQ(first_revocation({"", "", "u"}, 1), 0u);
  EXPECT_EQ(first_revocation({"u", "", longest}, 1), 302u);
  EXPECT_EQ(first_revocation({"u", "", "w"}, 1), 0u);
  EXPECT_EQ(first_revocation({"", "u", "w"}, 303), 303u);
}

// Keys with ids of every kind, some revoked individually, some through their owner.
void fill(Harness& engine) {
  for (int i = 0; i < 300; ++i) {
    const auto id = i % 2 ? "k" + std::to_string(i) : "k" + std::to_string(i) + ".with-a-longer-id";
    engine.create(id, {"u" + std::to_string(i % 10), "a" + std::to_string(i % 7), "w1"}).value();
    if (i % 3 == 0) engine->revoke(id, "", {}).value();
    if (i == 150) engine->revoke_owner(Scope::user, "u4", "", {}).value();
    if (i == 200) engine.restart();
  }
  engine->revoke_owner(Scope::application, "a2", "", {}).value();
  engine.sync();
}

// The state of all keys, as text.
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

TEST(LogStore, RecoversTheSameTablesWithAndWithoutItsIndex) {
  std::string expected;
  std::vector<std::uint64_t> expected_counts;
  for (const bool has_index : {true, false}) {
    const TemporaryDirectory directory;
    Harness engine(directory / "data");
    fill(engine);
    if (expected.empty()) expected = tables_of(engine);
    for (int restarts = 0; restarts < 2; ++restarts) {
      engine.stop();
      if (!has_index) std::filesystem::remove_all(std::filesystem::path(directory / "data") / "index");
      engine.start();
      EXPECT_EQ(tables_of(engine), expected) << has_index;
    }
    std::vector<std::uint64_t> counts;
    for (int i = 0; i < 10; ++i) {
      counts.push_back(engine->revoke_owner(Scope::user, "u" + std::to_string(i), "", {})->keys);
    }
    if (expected_counts.empty()) expected_counts = counts;
    EXPECT_EQ(counts, expected_counts) << has_index;
  }
}

}  // namespace revoked::engine::log_store_test
