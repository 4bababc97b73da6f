// The write-ahead log: what a crash may leave of it, and what must never pass for that.

#include "engine/write_ahead.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::write_ahead_test {

namespace fs = std::filesystem;
using revoked::test::TemporaryDirectory;

// A batch of `count` events of about `bytes` each.
Batch batch_of(Sequence first, int count, std::size_t bytes) {
  Batch batch;
  batch.begin(1, first);
  const std::string reason(bytes, static_cast<char>('a' + first % 26));
  for (int i = 0; i < count; ++i) {
    EventView event;
    event.type = EventType::key_revoked;
    event[Field::reason] = reason;
    batch.append(event);
  }
  return batch;
}

std::string read_all(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_all(const fs::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

class WriteAheadLog : public testing::Test {
 protected:
  static constexpr std::uint64_t segment_bytes = 64 << 10;

  // Opens the log; what it gave back is in `seen_`. False: it refused, for the reason in `refusal_`.
  bool open(Sequence stored = 0) {
    seen_.clear();
    log_.reset();
    std::string detail;
    auto log = WriteAhead::open(
        path_.native(), stored,
        [&](const BatchView& batch) -> result<void> {
          seen_.emplace_back(batch.bytes());
          next_ = batch.last() + 1;
          return {};
        },
        detail, segment_bytes);
    if (!log) {
      refusal_ = static_cast<errc>(log.error().value());
      EXPECT_FALSE(detail.empty());
      return false;
    }
    log_ = std::move(*log);
    return true;
  }
  void append(int count = 1, std::size_t bytes = 100) {
    auto batch = batch_of(next_, count, bytes);
    ASSERT_TRUE(log_->append(batch.view()));
    written_.emplace_back(batch.view().bytes());
    next_ = batch.view().last() + 1;
  }
  fs::path segment(int number) const {
    auto name = std::to_string(number);
    return path_ / (std::string(8 - name.size(), '0') + name + ".log");
  }
  std::size_t segments() const {
    return static_cast<std::size_t>(
        std::count_if(fs::directory_iterator(path_), fs::directory_iterator(),
                      [](const auto& at) { return at.path().extension() == ".log"; }));
  }

  TemporaryDirectory directory_;
  const fs::path path_ = directory_ / "log";
  std::unique_ptr<WriteAhead> log_;
  Sequence next_ = 1;
  std::vector<std::string> written_;
  std::vector<std::string> seen_;
  errc refusal_{};
};

TEST_F(WriteAheadLog, GivesBackWhatWasWritten) {
  ASSERT_TRUE(open());
  EXPECT_TRUE(seen_.empty());
  for (const std::size_t bytes : {0, 1, 400, 430, 440, 480, 490, 500, 5'000, 60'000}) append(1, bytes);
  append(40, 10'000);  // larger than a segment
  append(3, 10);
  for (int times = 0; times < 3; ++times) {
    ASSERT_TRUE(open());
    EXPECT_EQ(seen_, written_);
  }
  append();
  ASSERT_TRUE(open());
  EXPECT_EQ(seen_, written_);
  append(40, 10'000);  // which makes its own room, and ends in the middle of a page
  for (int times = 0; times < 3; ++times) {
    ASSERT_TRUE(open());
    EXPECT_EQ(seen_, written_);
  }
}

TEST_F(WriteAheadLog, LeavesOutWhatTheTablesHave) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 10; ++i) append(10);
  ASSERT_TRUE(open(50));
  EXPECT_EQ(seen_, std::vector<std::string>(written_.begin() + 5, written_.end()));
  ASSERT_TRUE(open(100));
  EXPECT_TRUE(seen_.empty());
  EXPECT_FALSE(open(101)) << "the tables know of more than the log";
  EXPECT_EQ(refusal_, errc::storage_corrupt);
  EXPECT_FALSE(open(55)) << "half a batch";
}

TEST_F(WriteAheadLog, SegmentsAreWrittenOverOnceTheTablesHaveThem) {
  ASSERT_TRUE(open());
  std::size_t most = 0;
  Sequence stored = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 40; ++i) append(1, 600);
    if (round % 4 == 3) {
      stored = next_ - 1;
      log_->release(stored);
      EXPECT_FALSE(log_->has_full_segments());
    }
    most = std::max(most, segments());
  }
  EXPECT_LE(most, 10u) << "of about 40 that were written";
  append();
  ASSERT_TRUE(open(stored));
  EXPECT_EQ(seen_, std::vector<std::string>({written_.back()}));
}

TEST_F(WriteAheadLog, WhatWasWrittenOverIsNotTakenForNew) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 400; ++i) append(1, 600);
  log_->release(next_ - 1);
  const auto stored = next_ - 1;
  written_.clear();
  for (int i = 0; i < 3; ++i) append(1, 600);  // over a file that is full of old records
  for (int i = 0; i < 90; ++i) append(1, 600);
  ASSERT_TRUE(open(stored));
  EXPECT_EQ(seen_, written_);
}

TEST_F(WriteAheadLog, AFlippedBitIsNeverIgnored) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 20; ++i) append(1 + i % 3, 700);
  log_.reset();
  const auto sound = read_all(segment(1));
  const auto used = sound.find_last_not_of('\0') + 1;
  ASSERT_GT(used, 20'000u);
  std::mt19937 random(1);
  for (int i = 0; i < 150; ++i) {
    // The last sectors, too: a torn end looks different.
    const auto at = i < 30 ? used - 1 - static_cast<std::size_t>(i) : random() % used;
    auto damaged = sound;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    fs::remove_all(path_);
    fs::create_directory(path_);
    write_all(segment(1), damaged);
    ASSERT_FALSE(open()) << "a flip at " << at << " of " << used;
    EXPECT_EQ(refusal_, errc::storage_corrupt);
  }
}

TEST_F(WriteAheadLog, ATornRecordAtTheEndIsWhatACrashLeaves) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 5; ++i) append(1, 700);
  log_.reset();
  const auto before = read_all(segment(1));
  ASSERT_TRUE(open());  // closes the first and goes on in the second
  const auto fresh = read_all(segment(2));
  append(3, 1'000);  // of several sectors
  log_.reset();
  const auto whole = read_all(segment(2));
  const auto closed = read_all(segment(1));
  const auto first = Segment::sector_bytes;  // behind the opening record
  const auto sectors = (whole.find_last_not_of('\0') / Segment::sector_bytes) + 1 - 1;
  ASSERT_GE(sectors, 6u);
  for (unsigned kept = 0; kept < (1u << sectors) - 1; ++kept) {  // which of its sectors reached the disk
    auto torn = whole;
    for (std::size_t i = 0; i < sectors; ++i) {
      if ((kept >> i & 1) == 0)
        torn.replace(first + i * Segment::sector_bytes, Segment::sector_bytes,
                     fresh.size() >= first + (i + 1) * Segment::sector_bytes
                         ? fresh.substr(first + i * Segment::sector_bytes, Segment::sector_bytes)
                         : std::string(Segment::sector_bytes, '\0'));
    }
    fs::remove_all(path_);
    fs::create_directory(path_);
    write_all(segment(1), closed);
    write_all(segment(2), torn);
    next_ = 1;
    ASSERT_TRUE(open()) << kept;
    ASSERT_EQ(seen_.size(), 5u) << kept;
    // The same position is given again, and stays.
    written_.assign(seen_.begin(), seen_.end());
    append(1, 50);
    ASSERT_TRUE(open()) << kept;
    ASSERT_EQ(seen_, written_) << kept;
  }
}

TEST_F(WriteAheadLog, AMissingFileIsNoticed) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 300; ++i) append(1, 600);
  log_.reset();
  const auto count = static_cast<int>(segments());
  ASSERT_GE(count, 4);
  const auto kept = directory_ / "kept";
  fs::copy(path_, kept);
  for (int missing = 1; missing <= count; ++missing) {
    fs::remove_all(path_);
    fs::copy(kept, path_);
    fs::remove(segment(missing));
    EXPECT_FALSE(open()) << missing << " of " << count;
    EXPECT_EQ(refusal_, errc::storage_corrupt);
  }
  fs::remove_all(path_);
  EXPECT_FALSE(open(10)) << "all of it";
}

TEST_F(WriteAheadLog, ACrashWhileANewFileIsBegunLosesNothing) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 5; ++i) append();
  log_.reset();
  const auto unclosed = read_all(segment(1));
  // In the making: it has no number yet.
  write_all(path_ / "next", std::string(1'000, 'x'));
  ASSERT_TRUE(open());
  EXPECT_EQ(seen_, written_);
  log_.reset();
  // Begun, and the one before not closed yet.
  write_all(segment(1), unclosed);
  ASSERT_TRUE(open());
  EXPECT_EQ(seen_, written_);
  append();
  log_.reset();
  // Written to, and the one before not closed: that is not how it goes.
  write_all(segment(1), unclosed);
  EXPECT_FALSE(open());
}

TEST_F(WriteAheadLog, AFullDiskIsAnError) {
  ASSERT_TRUE(open());
  append();
  fs::permissions(path_, fs::perms::none);
  fs::remove_all(path_);
  result<void> appended;
  for (int i = 0; i < 300 && appended; ++i) {
    auto batch = batch_of(next_, 1, 600);
    appended = log_->append(batch.view());
    next_ = batch.view().last() + 1;
  }
  ASSERT_FALSE(appended) << "the next file cannot be made";
  EXPECT_EQ(appended.error(), errc::storage_failed);
}

}  // namespace revoked::engine::write_ahead_test
