#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "engine/index/index.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::rocksdb_index_test {

namespace fs = std::filesystem;
using Found = std::vector<Sequence>;
using revoked::test::eventually;

class RocksdbIndex : public testing::Test {
 protected:
  RocksdbIndex() { open(); }

  // As after a crash: data in memory is lost.
  void open() {
    index_.reset();
    std::string detail;
    auto opened = open_index(directory_.path() / "index", detail);
    ASSERT_TRUE(opened) << detail;
    index_ = std::move(*opened);
  }
  fs::path draft() const { return directory_ / "index/draft"; }
  std::vector<fs::path> tables() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(directory_ / "index"))
      if (entry.path().extension() == ".sst") found.push_back(entry.path());
    return found;
  }

  void append(const EventView& event) {
    batches_.emplace_back().begin(1, batches_.size());  // one event each
    batches_.back().append(event);
  }
  void append_suspension(std::string_view key) {
    EventView event;
    event.type = EventType::key_suspended;
    event[Field::key_id] = key;
    append(event);
  }
  // Adds what is not indexed.
  result<void> add() {
    const auto first = index_->indexed().through;
    IndexEntries entries;
    for (auto i = first; i < batches_.size(); ++i) {
      EXPECT_TRUE(entries.append(batches_[i].view()));
    }
    for (const auto& [kind, id, sequence] : entries.all()) model_[{kind, std::string(id)}].insert(sequence);
    return index_->add(entries, {batches_.size(), {1, 1, "journal"}});
  }

  Found scan(IndexKind kind, std::string_view id, Sequence from = 0, std::size_t at_most = SIZE_MAX) const {
    Found found;
    EXPECT_TRUE(index_->scan(kind, id, from,
                             [&](Sequence at) { return found.push_back(at), found.size() < at_most; }));
    return found;
  }
  Found all() const {
    Found found(batches_.size());
    for (std::size_t i = 0; i < found.size(); ++i) found[i] = i + 1;
    return found;
  }

  // Adds a table of many blocks.
  void add_much() {
    for (int i = 0; i < 20'000; ++i) append_suspension("k");
    ASSERT_TRUE(add());
  }
  // Damages the content of one table.
  void damage_a_table() {
    add_much();
    ASSERT_TRUE(index_->flush());
    index_.reset();
    const auto table = tables().front();
    std::fstream(table).seekp(static_cast<std::streamoff>(fs::file_size(table) / 2)).write("damage", 6);
    open();
    EXPECT_EQ(index_->indexed().through, batches_.size());
  }
  void expect_made_anew() {
    EXPECT_NE(index_->failure().find("Corruption"), std::string::npos) << index_->failure();
    open();
    EXPECT_EQ(index_->indexed().through, 0u);
    ASSERT_TRUE(add());
    EXPECT_EQ(scan(IndexKind::key, "k"), all());
  }

  const revoked::test::TemporaryDirectory directory_;
  std::unique_ptr<Index> index_;
  std::vector<Batch> batches_;
  std::map<std::pair<IndexKind, std::string>, std::set<Sequence>> model_;
};

class Random {
 public:
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(bits_);
  }
  // Some share prefixes with others, or look like the end of an index key.
  std::string id() {
    static const std::vector<std::string> ids{"a", "aa", "ab", std::string(128, 'a'), "b", "indexed", "z"};
    return ids[below(ids.size())];
  }
  EventView event(std::string& id, std::string& actor) {
    id = this->id();
    actor = this->id();
    static constexpr EventType types[]{EventType::key_suspended, EventType::key_changed,
                                       EventType::key_revoked, EventType::owner_revoked};
    static constexpr char scope = 0;
    EventView event;
    event.type = types[below(4)];
    event[Field::actor] = actor;
    if (event.type == EventType::owner_revoked) {
      event[Field::owner_scope] = {&scope, 1};
      event[Field::owner_id] = id;
    } else {
      event[Field::key_id] = id;
    }
    return event;
  }

 private:
  std::mt19937_64 bits_{seed()};
  static std::uint64_t seed() {
    const auto seed = std::random_device{}();
    testing::Test::RecordProperty("seed", std::to_string(seed));
    std::printf("seed %u\n", seed);
    return seed;
  }
};

TEST_F(RocksdbIndex, KnowsWhatASimpleModelKnows) {
  Random random;
  std::string id;
  std::string actor;
  Sequence on_disk = 0;
  for (int round = 0; round < (revoked::test::sanitized ? 300 : 1500); ++round) {
    switch (random.below(20)) {
      case 0:
        ASSERT_TRUE(index_->flush());
        on_disk = index_->indexed().through;
        break;
      case 1:
        open();
        ASSERT_EQ(index_->indexed().through, on_disk);
        ASSERT_TRUE(on_disk == 0 || index_->indexed().epoch.journal == "journal");
        break;
      default:
        for (auto i = random.below(1 << random.below(8)); i > 0; --i) append(random.event(id, actor));
    }
    ASSERT_TRUE(add());
    for (const auto kind :
         {IndexKind::actor, IndexKind::edit, IndexKind::key, IndexKind::owners, IndexKind::user}) {
      const auto name = kind == IndexKind::owners ? index_id({random.id()}) : random.id();
      const auto& known = model_[{kind, name}];
      const auto from = random.below(batches_.size() + 2);
      const auto limit = 1 + random.below(50);
      Found expected;
      for (auto at = known.lower_bound(from); at != known.end() && expected.size() < limit; ++at)
        expected.push_back(*at);
      ASSERT_EQ(scan(kind, name, from, limit), expected) << static_cast<char>(kind) << name << " " << from;
    }
  }
  for (const auto& [what, known] : model_)
    EXPECT_EQ(scan(what.first, what.second), Found(known.begin(), known.end())) << what.second;
}

TEST_F(RocksdbIndex, AddingAgainChangesNothing) {
  for (int i = 0; i < 10; ++i) append_suspension("k");
  IndexEntries twice;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(twice.append(batches_[i % 10].view()));
  IndexEntries one;
  ASSERT_TRUE(one.append(batches_[3].view()));
  for (int i = 0; i < 4; ++i) {
    for (const auto& entries : {twice, one}) ASSERT_TRUE(index_->add(entries, {10, {1, 1, "journal"}}));
    EXPECT_EQ(scan(IndexKind::key, "k"), all());
    if (i == 1) {
      ASSERT_TRUE(index_->flush());
    }
  }
}

TEST_F(RocksdbIndex, WritesATableWhenEnoughHasGathered) {
  EventView event;
  event.type = EventType::key_created;
  IndexEntries entries;
  Sequence next = 1;
  std::vector<Sequence> on_disk;
  while (on_disk.size() < (revoked::test::sanitized ? 1 : 3)) {
    Batch batch;
    std::vector<std::string> users(10'000);
    batch.begin(1, next);
    for (auto& user : users) {
      user = "user " + std::to_string(next++ % 300'000);
      event[Field::user] = user;
      batch.append(event);
    }
    entries.clear();
    ASSERT_TRUE(entries.append(batch.view()));
    ASSERT_EQ(entries.all().size(), users.size());
    ASSERT_TRUE(index_->add(entries, {next - 1, {1, 1, "journal"}}));
    if (on_disk.size() == tables().size()) continue;
    ASSERT_LT(next, 5'000'000u);
    on_disk.push_back(next - 1);
    EXPECT_NEAR(on_disk[0], 1'200'000, 20'000);
  }
  open();
  EXPECT_EQ(index_->indexed().through, on_disk.back());
  for (const int user : {0, 1, 77'777, 299'999}) {
    Found expected;
    for (Sequence at = user; at <= on_disk.back(); at += 300'000)
      if (at > 0) expected.push_back(at);
    EXPECT_EQ(scan(IndexKind::user, "user " + std::to_string(user)), expected);
  }
}

TEST_F(RocksdbIndex, ADraftThatWasLeftBehindIsNoTable) {
  append_suspension("k");
  ASSERT_TRUE(add());
  std::ofstream(draft()) << "half a table";
  ASSERT_TRUE(index_->flush());
  EXPECT_FALSE(fs::exists(draft()));
  open();
  EXPECT_EQ(scan(IndexKind::key, "k"), all());
}

// Killed before the draft's name was removed.
TEST_F(RocksdbIndex, ADraftThatIsATableByAnotherNameIsNotWrittenTo) {
  for (int i = 0; i < 5; ++i) {
    append_suspension("k");
    ASSERT_TRUE(add());
    ASSERT_TRUE(index_->flush());
    const auto before = tables();
    ASSERT_FALSE(before.empty());
    fs::create_hard_link(before[i % before.size()], draft());
    if (i % 2 == 0) open();
    append_suspension("k");
    ASSERT_TRUE(add());
    EXPECT_EQ(scan(IndexKind::key, "k"), all());
    ASSERT_TRUE(index_->flush());
    open();
    EXPECT_EQ(index_->indexed().through, batches_.size());
    EXPECT_EQ(scan(IndexKind::key, "k"), all());
  }
}

// Killed before RocksDB recorded the table.
TEST_F(RocksdbIndex, ATableThatWasLinkedOnlyIsLeftOut) {
  append_suspension("k");
  ASSERT_TRUE(add());
  ASSERT_TRUE(index_->flush());
  fs::copy(tables().front(), draft());
  for (int number = 0; number < 60; ++number) {
    const auto digits = std::to_string(100 + number);
    const auto table = directory_.path() / "index" / ("0000" + digits.substr(1) + ".sst");
    if (!fs::exists(table)) fs::create_hard_link(draft(), table);
  }
  for (int i = 0; i < 3; ++i) {
    open();
    EXPECT_EQ(scan(IndexKind::key, "k"), all());
    append_suspension("k");
    ASSERT_TRUE(add());
    ASSERT_TRUE(index_->flush());
    EXPECT_EQ(index_->indexed().through, batches_.size());
  }
}

TEST_F(RocksdbIndex, WhatCannotBeWrittenIsSaidAndNotLost) {
  append_suspension("k");
  ASSERT_TRUE(add());
  fs::create_directory(draft());
  EXPECT_EQ(index_->flush().error(), errc::storage_failed);
  EXPECT_NE(index_->failure().find("draft"), std::string::npos) << index_->failure();
  EXPECT_EQ(scan(IndexKind::key, "k"), all());
  fs::remove(draft());
  ASSERT_TRUE(index_->flush());
  open();
  EXPECT_EQ(scan(IndexKind::key, "k"), all());
}

TEST_F(RocksdbIndex, ADamagedTableIsReportedAndMadeAnew) {
  damage_a_table();
  EXPECT_EQ(index_->scan(IndexKind::key, "k", 0, [](Sequence) { return true; }).error(),
            errc::storage_failed);
  expect_made_anew();
}

TEST_F(RocksdbIndex, DamageThatIsMetWhenTablesAreMergedIsReported) {
  damage_a_table();
  ASSERT_TRUE(eventually([&] {
    add_much();
    return index_->flush().has_error();
  }));
  expect_made_anew();
}

TEST_F(RocksdbIndex, AScanFindsAllThatWasAddedBeforeItWhileMoreIs) {
  std::atomic<bool> done = false;
  std::thread scans([&] {
    while (!done) {
      const auto through = index_->indexed().through;
      const auto found = scan(IndexKind::key, "k");
      ASSERT_GE(found.size(), through);
      for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], i + 1);
    }
  });
  for (int i = 0; i < 400; ++i) {
    for (int more = i % 7; more >= 0; --more) append_suspension("k");
    EXPECT_TRUE(add());
    if (i % 8 == 0) {
      EXPECT_TRUE(index_->flush());
    }
  }
  done = true;
  scans.join();
}

}  // namespace revoked::engine::rocksdb_index_test
