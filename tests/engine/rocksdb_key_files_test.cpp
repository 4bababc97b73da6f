// Keys that come by the thousand gather in memory before RocksDB gets them: nobody can tell, neither now nor
// after a crash.

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "engine/store.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::rocksdb_key_files_test {

namespace fs = std::filesystem;
using revoked::test::eventually;
using revoked::test::TemporaryDirectory;

class RocksdbKeyFiles : public testing::Test {
 protected:
  RocksdbKeyFiles() { open("data"); }

  void open(const std::string& name) {
    store_.reset();
    std::string detail;
    auto opened = open_rocksdb_store(directory_ / name, detail);
    ASSERT_TRUE(opened) << detail;
    store_ = std::move(*opened);
  }

  // One batch. Ids in no order, among those of other batches.
  void create(int count) {
    Batch batch;
    batch.begin(1, sequence_ + 1);
    for (int i = 0; i < count; ++i) {
      const auto id = std::to_string(++sequence_ * 7919 % 1'000'003);
      ids_.insert(id);
      EventView event;
      event.type = EventType::key_created;
      event[Field::key_id] = id;
      const std::string name = "of " + id;
      event[Field::name] = name;
      batch.append(event);
    }
    ASSERT_TRUE(store_->commit(batch.view()));
  }

  void expect_all() {
    std::set<std::string> loaded;
    std::vector<std::string> scanned;
    ASSERT_TRUE(store_->scan_keys({}, [&](Sequence, const EventView& creation) {
      scanned.emplace_back(creation[Field::key_id]);
      EXPECT_EQ(creation[Field::name], "of " + scanned.back());
      return true;
    }));
    EXPECT_EQ(scanned, std::vector<std::string>(ids_.begin(), ids_.end()));
    const auto middle = std::next(ids_.begin(), static_cast<std::ptrdiff_t>(ids_.size() / 2));
    std::string next;
    ASSERT_TRUE(store_->scan_keys(*middle, [&](Sequence, const EventView& creation) {
      next = creation[Field::key_id];
      return false;
    }));
    EXPECT_EQ(next, *std::next(middle));
    for (const auto& id : {*ids_.begin(), *middle, *ids_.rbegin()}) {
      const auto fetched = store_->fetch_key(id);
      ASSERT_TRUE(fetched && *fetched) << id;
    }
  }
  void expect_loads_all() {
    std::set<std::string> loaded;
    ASSERT_TRUE(store_->load_keys([&](Sequence, const EventView& creation, Sequence) {
      EXPECT_TRUE(loaded.emplace(creation[Field::key_id]).second);
    }));
    EXPECT_EQ(loaded, ids_);
    expect_all();
  }

  // A file has come since there were `before`, and the directory is at rest: it can be copied.
  bool has_more_than(std::size_t before) const {
    return table_files() > before && !fs::exists(directory_ / "data/keys.tmp");
  }
  std::size_t table_files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(directory_ / "data"))
      count += entry.path().extension() == ".sst";
    return count;
  }
  // What a killed process leaves, as far as it got.
  void crash() {
    fs::remove_all(directory_ / "copy");
    fs::copy(directory_ / "data", directory_ / "copy", fs::copy_options::recursive);
    open("copy");
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
  Sequence sequence_ = 0;
  std::set<std::string> ids_;
};

TEST_F(RocksdbKeyFiles, KeysAreThereAtOnce) {
  create(3000);
  expect_all();
  create(2);  // these go another way
  create(700);
  expect_all();
}

TEST_F(RocksdbKeyFiles, AndWhenTheyAreWritten) {
  create(3000);
  const auto before = table_files();
  EXPECT_TRUE(eventually([&] { return table_files() > before; }));
  create(3000);
  expect_all();
  EXPECT_TRUE(eventually([&] { return table_files() > before + 1; }));
  expect_all();
  open("data");
  expect_loads_all();
}

TEST_F(RocksdbKeyFiles, P1DurableACrashLosesNone) {
  create(3000);
  create(10);
  create(3000);
  crash();
  expect_loads_all();
}

TEST_F(RocksdbKeyFiles, P1DurableACrashBetweenFilesLosesNone) {
  create(3000);
  const auto before = table_files();
  EXPECT_TRUE(eventually([&] { return has_more_than(before); }));
  create(1000);
  crash();
  expect_loads_all();
  open("copy");  // once more: what was restored stays
  expect_loads_all();
}

}  // namespace revoked::engine::rocksdb_key_files_test
