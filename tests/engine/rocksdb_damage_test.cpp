// What a damaged disk may do to us: keep us from starting, but never make us forget in silence.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::rocksdb_damage_test {

namespace fs = std::filesystem;
using revoked::test::TemporaryDirectory;
using test::digest_of;
using test::Witness;

constexpr int key_count = 60;

// The files that end in `suffix`, the largest one first.
std::vector<fs::path> files(const fs::path& directory, std::string_view suffix) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().native().ends_with(suffix)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return fs::file_size(a) > fs::file_size(b); });
  return found;
}

void flip(const fs::path& file, std::uintmax_t at) {
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekg(static_cast<std::streamoff>(at));
  const char old = static_cast<char>(bytes.get());
  bytes.seekp(static_cast<std::streamoff>(at));
  bytes.put(static_cast<char>(old ^ 0x20));
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class RocksdbDamage : public testing::Test {
 protected:
  // Sixty keys, each created and revoked in a commit of its own.
  RocksdbDamage() {
    test::Harness engine(sound_);
    for (int i = 0; i < key_count; ++i) {
      const auto id = "k" + std::to_string(i);
      engine.create(id, {"u1"}).value();
      EXPECT_TRUE(engine.wait_until_durable(engine->revoke(id, "a reason", {})->sequence));
    }
    // As a crash would leave it: a sound stop moves the log's contents to tables.
    fs::copy(sound_, crash_, fs::copy_options::recursive);
    fs::copy(sound_, crashed_, fs::copy_options::recursive);
  }
  fs::path crashed_copy() {
    fs::remove_all(directory_ / "copy");
    fs::copy(crash_, directory_ / "copy", fs::copy_options::recursive);
    return directory_ / "copy";
  }
  fs::path copy() {
    fs::remove_all(directory_ / "copy");
    fs::copy(sound_, directory_ / "copy", fs::copy_options::recursive);
    return directory_ / "copy";
  }
  // How many keys are known to be revoked; nothing if the engine refuses to start.
  std::optional<int> start(const fs::path& directory) {
    std::string detail;
    auto store = open_rocksdb_store(directory, detail);
    if (!store) {
      refusal_ = static_cast<errc>(store.error().value());
      return {};
    }
    Witness witness;
    Engine engine({}, [] {});
    const auto started = engine.start(std::move(*store), witness, [](const LoadProgress&) {});
    if (!started) {
      refusal_ = static_cast<errc>(started.error().value());
      return {};
    }
    int revoked = 0;
    Decision decision;
    for (int i = 0; i < key_count; ++i) {
      EXPECT_TRUE(engine.verify(digest_of("k" + std::to_string(i)), 1, decision));
      if (decision.state == KeyState::revoked) ++revoked;
      // Never the creation without what followed it in the same log, save for the very end of a torn one.
      EXPECT_TRUE(decision.state != KeyState::active || i == revoked) << "a hole";
    }
    return revoked;
  }

  TemporaryDirectory directory_;
  const std::string sound_ = directory_ / "sound";
  const std::string crash_ = directory_ / "crash";
  const std::string crashed_ = directory_ / "crashed";
  errc refusal_{};
};

TEST_F(RocksdbDamage, AnUnharmedCopyStarts) { EXPECT_EQ(start(copy()), key_count); }

TEST_F(RocksdbDamage, AFlippedByteInTheLogIsNeverIgnored) {
  ASSERT_EQ(start(crashed_), key_count);
  const auto log = fs::path("write-ahead") / "00000001.log";
  const auto bytes = read_file(crashed_copy() / log);
  const auto size = bytes.find_last_not_of('\0') + 1;
  ASSERT_GT(size, 5000u);
  constexpr int places = 40;
  for (int i = 0; i < places; ++i) {
    const auto directory = crashed_copy();
    flip(directory / log, size * static_cast<unsigned>(i) / places + 3);
    EXPECT_FALSE(start(directory)) << i << "/" << places;
    EXPECT_EQ(refusal_, errc::storage_corrupt);
  }
}

TEST_F(RocksdbDamage, ATornTailIsWhatACrashLeaves) {
  const auto log = fs::path("write-ahead") / "00000001.log";
  const auto bytes = read_file(crashed_copy() / log);
  const auto size = bytes.find_last_not_of('\0') / 512 * 512 + 512;
  const auto directory = crashed_copy();
  // The last record's only sector is still the zeros of before.
  fs::resize_file(directory / log, size - 512);
  const auto revoked = start(directory);
  ASSERT_TRUE(revoked);
  EXPECT_EQ(*revoked, key_count - 1);
  EXPECT_EQ(start(directory), revoked);
}

TEST_F(RocksdbDamage, AFlippedByteInATableIsNeverIgnored) {
  EXPECT_EQ(start(sound_), key_count);
  const auto tables = files(sound_, ".sst");
  ASSERT_GE(tables.size(), 2u);
  int refused = 0;
  for (std::size_t table = 0; table < tables.size(); ++table) {
    for (int i = 0; i < 8; ++i) {
      const auto directory = copy();
      const auto damaged = directory / tables[table].filename();
      flip(damaged, fs::file_size(damaged) * static_cast<unsigned>(i) / 8 + 5);
      if (const auto revoked = start(directory)) {
        EXPECT_EQ(*revoked, key_count) << tables[table] << " at " << i << "/8";
      } else {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 0);
}

TEST_F(RocksdbDamage, AMissingTableIsNeverIgnored) {
  EXPECT_EQ(start(sound_), key_count);
  for (const auto& table : files(sound_, ".sst")) {
    const auto directory = copy();
    fs::remove(directory / table.filename());
    EXPECT_FALSE(start(directory));
  }
}

}  // namespace revoked::engine::rocksdb_damage_test
