// An unpacked backup is the log as of the start of the backup; anything else is refused.

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "engine/base/tar.hpp"
#include "engine/log/local_log.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::local_log_backup_test {

namespace fs = std::filesystem;
using revoked::test::TemporaryDirectory;
using Batches = std::vector<std::string>;

std::string read_all(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_all(const fs::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Extracts the files of the archive to `directory`, the last one partially if the archive is truncated.
void unpack(std::string_view archive, const fs::path& directory) {
  fs::remove_all(directory);
  fs::create_directories(directory / "log");
  while (archive.size() >= tar_block_bytes && archive.front() != '\0') {
    const std::string name(archive.data());
    const auto size = std::stoull(std::string(archive.substr(124, 11)), nullptr, 8);
    archive.remove_prefix(tar_block_bytes);
    write_all(directory / name, archive.substr(0, size));
    archive.remove_prefix(std::min<std::size_t>(
        archive.size(), (size + tar_block_bytes - 1) / tar_block_bytes * tar_block_bytes));
  }
}

class LocalLogBackup : public testing::Test {
 protected:
  static constexpr std::uint64_t segment_bytes = 64 << 10;

  LocalLogBackup() { open(); }

  void open(std::uint64_t bytes = segment_bytes) {
    log_.reset();
    std::string why;
    auto log = LocalLog::open(path_.native(), why, bytes);
    EXPECT_TRUE(log) << why;
    log_ = std::move(*log);
  }

  void append(int count, std::size_t bytes) {
    Batch batch;
    batch.begin(1, log_->last() + 1);
    const std::string reason(bytes, static_cast<char>('a' + log_->last() % 26));
    for (int i = 0; i < count; ++i) {
      EventView event;
      event.type = EventType::key_revoked;
      event[Field::reason] = reason;
      batch.append(event);
    }
    ASSERT_TRUE(log_->append(batch.view()));
    written_.emplace_back(batch.view().bytes());
  }
  // Until there are `segments` segments.
  void fill(std::size_t segments) {
    for (int i = 0; !fs::exists(path_ / name_of_segment(segments)); ++i)
      append(1 + i % 5, 50 + 37 * static_cast<std::size_t>(i % 60));
    for (int i = 0; i < 3; ++i) append(2, 300);
  }

  std::unique_ptr<Backup> back_up() {
    auto backup = log_->back_up();
    EXPECT_TRUE(backup) << log_->failure();
    return std::move(*backup);
  }
  // Reads the rest. An error is in failure_.
  std::string read(Backup& backup, std::size_t pieces = -1) {
    std::string archive;
    failure_.clear();
    for (std::string piece; pieces-- > 0; archive += piece) {
      if (const auto read = backup.next(piece); !read) {
        EXPECT_EQ(read.error(), errc::storage_corrupt);
        failure_ = backup.failure();
        break;
      }
      EXPECT_LE(piece.size(), Backup::piece_bytes);
      if (piece.empty()) break;
    }
    return archive;
  }

  // The batches of a log restored from the archive; empty if it is refused, with the reason in why_.
  std::optional<Batches> restored(std::string_view archive) {
    unpack(archive, directory_ / "restored");
    why_.clear();
    auto log = LocalLog::open(directory_ / "restored/log", why_, segment_bytes);
    if (!log) return {};
    Batches batches;
    const auto read = (*log)->read(1, [&](const BatchView& batch) {
      batches.emplace_back(batch.bytes());
      return true;
    });
    if (!read) why_ = (*log)->failure();
    return read ? std::optional(batches) : std::nullopt;
  }
  void expect_restored(std::string_view archive, const Batches& expected) {
    EXPECT_EQ(failure_, "");
    const auto batches = restored(archive);
    ASSERT_TRUE(batches) << why_;
    EXPECT_TRUE(*batches == expected) << batches->size() << " batches instead of " << expected.size();
  }

  TemporaryDirectory directory_;
  fs::path path_ = directory_.path() / "log";
  std::unique_ptr<LocalLog> log_;
  Batches written_;
  std::string failure_;
  std::string why_;
};

// At every position of the first segments, and before the first event.
TEST_F(LocalLogBackup, IsTheLogAsItWasWhenItBegan) {
  for (int i = 0; !fs::exists(path_ / name_of_segment(4)); ++i) {
    const auto backup = revoked::test::sanitized && i % 20 != 0 ? nullptr : back_up();
    const auto then = written_;
    const auto last = log_->last();
    append(1 + i % 3, 800);
    if (backup) {
      EXPECT_EQ(backup->last(), last);
      expect_restored(read(*backup), then);
    }
    if (i % 10 == 0) open();
  }
  EXPECT_GT(written_.size(), 60u);
}

// Segments are created, filled and closed while it is read.
TEST_F(LocalLogBackup, HasNothingOfWhatComesLater) {
  fill(3);
  const auto backup = back_up();
  const auto then = written_;
  std::string archive;
  for (std::size_t more = 1; more != 0; archive += read(*backup, 1)) {
    const auto before = archive.size();
    for (int i = 0; i < 20; ++i) append(2, 900);
    archive += read(*backup, 1);
    more = archive.size() - before;
  }
  EXPECT_TRUE(fs::exists(path_ / name_of_segment(5)));
  expect_restored(archive, then);
}

TEST_F(LocalLogBackup, GoesOnOnceItIsRestored) {
  fill(3);
  const auto backup = back_up();
  const auto archive = read(*backup);
  log_.reset();
  unpack(archive, directory_.path());
  open();
  EXPECT_EQ(log_->last(), backup->last());
  for (int i = 0; i < 100; ++i) append(2, 900);
  open();
  expect_restored(read(*back_up()), written_);
}

TEST_F(LocalLogBackup, HasALargeBatchInPieces) {
  append(100, 10);
  append(300, 2'000);
  append(1, 10);
  append(300, 1'000);
  const auto backup = back_up();
  expect_restored(read(*backup), written_);
}

// After a torn block, part of which is still in the file.
TEST_F(LocalLogBackup, LeavesOutWhatWasTorn) {
  for (int i = 0; i < 5; ++i) append(2, 300);
  const auto whole = read_all(path_ / "end");
  append(8, 500);
  log_.reset();
  written_.pop_back();
  auto bytes = read_all(path_ / name_of_segment(1));
  const auto end = bytes.find_last_not_of('\0') / sector_bytes * sector_bytes;
  bytes.replace(end, sector_bytes, sector_bytes, '\0');
  write_all(path_ / name_of_segment(1), bytes);
  write_all(path_ / "end", whole);
  open();
  append(1, 10);
  ASSERT_TRUE(fs::exists(path_ / name_of_segment(2)));
  expect_restored(read(*back_up()), written_);
  const auto torn = read_all(directory_ / "restored/log" / name_of_segment(1));
  ASSERT_EQ(torn.size(), bytes.size());
  EXPECT_LT(torn.find_last_not_of('\0'), bytes.find_last_not_of('\0'));
}

// Another file replaces one that is about to be read, or is being read.
TEST_F(LocalLogBackup, TakesEachFileAsItFindsIt) {
  fill(4);
  const auto replace = [this](std::size_t segment, std::string_view bytes) {
    write_all(directory_ / "other", bytes);
    fs::rename(directory_ / "other", path_ / name_of_segment(segment));
  };
  const auto backup = back_up();
  auto archive = read(*backup, 1);
  for (const auto segment : {2, 3}) {  // truncated to the part that is used
    const auto bytes = read_all(path_ / name_of_segment(segment));
    replace(segment, std::string_view(bytes).substr(
                         0, bytes.find_last_not_of('\0') / sector_bytes * sector_bytes + sector_bytes));
  }
  replace(4, "nothing of use");
  archive += read(*backup);
  expect_restored(archive, written_);
  EXPECT_LT(archive.size(), 3 * SegmentFile::room_bytes);
}

TEST_F(LocalLogBackup, IsEndedByWhatIsDamagedWhichIsNamed) {
  fill(4);
  std::mt19937 random(3);
  for (int i = 0; i < (revoked::test::sanitized ? 8 : 200); ++i) {
    const auto segment = 1 + random() % 4;
    const auto file = path_ / name_of_segment(segment);
    const auto whole = read_all(file);
    auto bytes = whole;
    const auto used = bytes.find_last_not_of('\0') / sector_bytes * sector_bytes + sector_bytes;
    const auto at = random() % used;
    bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
    write_all(file, bytes);
    const auto archive = read(*back_up());
    write_all(file, whole);
    SCOPED_TRACE(file.native() + " byte " + std::to_string(at));
    ASSERT_TRUE(failure_.starts_with(file.native() + " has been damaged at byte ")) << failure_;
    EXPECT_LE(std::stoull(failure_.substr(failure_.rfind(' '))), at) << failure_;
    if (archive.empty()) continue;
    EXPECT_FALSE(restored(archive));
    EXPECT_NE(why_, "");
  }
}

TEST_F(LocalLogBackup, IsEndedByASegmentOfAnotherLogOrNone) {
  fill(4);
  const auto file = path_ / name_of_segment(2);
  const auto whole = read_all(file);
  const auto expect_named = [&](const fs::path& named) {
    read(*back_up());
    EXPECT_TRUE(failure_.starts_with(named.native())) << failure_;
  };
  fs::copy_file(path_ / name_of_segment(3), file, fs::copy_options::overwrite_existing);
  expect_named(file);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1000}, sector_bytes, 10 * sector_bytes}) {
    write_all(file, std::string_view(whole).substr(0, size));
    expect_named(file);
  }
  fs::remove(file);
  const auto backup = back_up();
  std::string piece;
  result<void> read;
  do {
    read = backup->next(piece);
  } while (read && !piece.empty());
  EXPECT_EQ(read.error(), errc::storage_failed);
  EXPECT_TRUE(backup->failure().starts_with(file.native())) << backup->failure();
}

// Truncated anywhere: after its first file, a restored log is complete or is refused.
TEST_F(LocalLogBackup, PassesForNoWholeOneWhenItWasCut) {
  fill(3);
  const auto archive = read(*back_up());
  std::vector<std::size_t> cuts;
  const std::size_t step = (revoked::test::sanitized ? 149 : 37) * tar_block_bytes;
  for (std::size_t at = 9 * tar_block_bytes; at < archive.size(); at += step) {
    cuts.push_back(at);
    cuts.push_back(at + 100);
  }
  std::size_t refused = 0;
  for (const auto cut : cuts) {
    if (const auto batches = restored(std::string_view(archive).substr(0, cut)))
      EXPECT_TRUE(*batches == written_) << "cut at " << cut;
    else
      ++refused;
  }
  EXPECT_GT(refused, cuts.size() / 3);
  // Even within the first file, once its mark is included.
  EXPECT_FALSE(restored(std::string_view(archive).substr(0, 2 * tar_block_bytes)));
}

// There, nothing in the segment shows that it was longer.
TEST_F(LocalLogBackup, PassesForNoWholeOneWhenItWasCutBetweenBlocks) {
  open(LocalLog::usual_segment_bytes);
  while (written_.size() * sector_bytes < 2 * SegmentFile::room_bytes) append(1, 50);
  const auto archive = read(*back_up());
  const auto begin = archive.find(name_of_segment(1)) / tar_block_bytes * tar_block_bytes + tar_block_bytes;
  ASSERT_EQ(archive.size() - begin, 3 * SegmentFile::room_bytes + tar_end_bytes);
  for (const auto part : {1, 2}) {
    EXPECT_FALSE(restored(std::string_view(archive).substr(0, begin + part * SegmentFile::room_bytes)));
    EXPECT_NE(why_.find("had been confirmed"), std::string::npos) << why_;
  }
  // And before the first segment.
  EXPECT_FALSE(restored(std::string_view(archive).substr(0, begin - tar_block_bytes)));
  expect_restored(archive, written_);
}

TEST_F(LocalLogBackup, MayBeTakenWhileOthersWrite) {
  std::atomic<bool> stopping = false;
  std::atomic<Sequence> confirmed = 0;
  std::thread writer([&] {
    // Bounded: a backup of more takes longer, and more is written meanwhile.
    while (!stopping && log_->last() < (revoked::test::sanitized ? 1'000 : 3'000)) {
      append(2, 900);
      confirmed = log_->last();
    }
  });
  for (int i = 0; i < (revoked::test::sanitized ? 4 : 8); ++i) {
    const Sequence before = confirmed;
    const auto backup = back_up();
    EXPECT_GE(backup->last(), before);
    const auto batches = restored(read(*backup));
    ASSERT_TRUE(batches) << why_;
    EXPECT_EQ(2 * batches->size(), backup->last());
  }
  stopping = true;
  writer.join();
}

}  // namespace revoked::engine::local_log_backup_test
