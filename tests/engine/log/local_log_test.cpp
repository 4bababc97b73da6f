// The log in files: the states that a crash may leave, and damage that must not be taken for one.

#include "tests/engine/log/local_log_fixture.hpp"
#include "tests/support/eventually.hpp"

#include <random>

namespace revoked::engine::local_log_test {

using LocalLogTest = LocalLogFixture;

TEST_F(LocalLogTest, GivesBackWhatWasWritten) {
  ASSERT_TRUE(open());
  EXPECT_TRUE(seen_.empty());
  EXPECT_EQ(log_->last(), 0u);
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 30; ++i) append(1 + static_cast<int>(random() % 20), random() % 2000);
    EXPECT_EQ(read(), written_);
    ASSERT_TRUE(open()) << detail_;
    EXPECT_EQ(seen_, written_);
    EXPECT_EQ(read(), written_);
  }
  EXPECT_GT(files().size(), 50u);
  append(1, 60'000);
  EXPECT_EQ(read(next_ - 1).size(), 1u);
  // From the middle: all batches with events from there on.
  for (const Sequence from : {Sequence{1}, next_ / 3, next_ / 2, next_ - 1, next_}) {
    Batches expected;
    for (const auto& bytes : written_) {
      BatchView batch;
      ASSERT_TRUE(BatchView::parse(bytes, batch));
      if (batch.last() >= from) expected.push_back(bytes);
    }
    EXPECT_EQ(read(from), expected);
    ASSERT_TRUE(open()) << detail_;
    EXPECT_EQ(read(from), expected) << from;
  }
}

TEST_F(LocalLogTest, AFlippedBitIsNeverIgnored) {
  fill();
  std::mt19937 random(7);
  for (const auto& file : files()) {
    const auto whole = read_all(file);
    for (int i = 0; i < (revoked::test::sanitized ? 30 : 300); ++i) {
      auto bytes = whole;
      const auto at = random() % bytes.size();
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
      write_all(file, bytes);
      expect_whole_or_refused(file.native() + " byte " + std::to_string(at));
      log_.reset();
      write_all(file, whole);
    }
  }
  expect_whole_or_refused("untouched");
}

TEST_F(LocalLogTest, WipedSectorsAndBlocksAreNoticed) {
  fill();
  const std::size_t step = revoked::test::sanitized ? 4096 : 512;
  std::size_t refused = 0;
  for (const auto& file : files()) {
    const auto whole = read_all(file);
    for (const std::size_t size : {512u, 4096u, 65536u}) {
      for (std::size_t at = 0; at < std::min<std::size_t>(whole.size(), 72 << 10); at += step) {
        auto bytes = whole;
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), std::min(size, bytes.size() - at), '\0');
        write_all(file, bytes);
        expect_whole_or_refused(file.native() + " byte " + std::to_string(at));
        refused += log_ == nullptr;
        log_.reset();
        write_all(file, whole);
      }
    }
  }
  EXPECT_GT(refused, 300 * 512 / step);
}

TEST_F(LocalLogTest, CutRemovedSwappedAndOldFilesAreNoticed) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 12; ++i) append(3, 500);
  const auto older = save("older");
  ASSERT_TRUE(open());
  for (int i = 0; i < 60; ++i) append(3, 700);
  const auto all = save("all");
  for (const auto& file : files()) {
    for (const std::uint64_t part : {0, 1, 3, 7, 8}) {
      fs::resize_file(file, fs::file_size(file) * part / 9);
      expect_whole_or_refused(file.native() + " cut to " + std::to_string(part) + " ninths");
      restore(all);
    }
    fs::remove(file);
    expect_whole_or_refused(file.native() + " removed");
    restore(all);
    if (const auto old = older / file.filename(); fs::exists(old)) {
      fs::copy_file(old, file, fs::copy_options::overwrite_existing);
      expect_whole_or_refused(file.native() + " an older copy");
      restore(all);
    }
    for (const auto& other : files()) {
      if (other <= file) continue;
      const auto swap = path_ / "swap";
      fs::rename(file, swap);
      fs::rename(other, file);
      fs::rename(swap, other);
      expect_whole_or_refused(file.native() + " swapped with " + other.native());
      restore(all);
    }
  }
}

// The disk may write the sectors of one write in any order.
TEST_F(LocalLogTest, ATornBlockAtTheEndIsWhatACrashLeaves) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 5; ++i) append(2, 300);
  log_.reset();
  const auto last = segment(1);
  const auto before = read_all(last);
  const auto end = read_all(path_ / "end");
  const auto confirmed = written_;
  ASSERT_TRUE(open());
  append(8, 500);
  log_.reset();
  const auto after = read_all(last);
  std::vector<std::size_t> changed;
  for (std::size_t at = 0; at < after.size(); at += 512)
    if (after.compare(at, 512, before, at, 512) != 0) changed.push_back(at);
  ASSERT_GT(changed.size(), 6u);
  std::mt19937 random(3);
  for (int i = 0; i < (revoked::test::sanitized ? 30 : 200); ++i) {
    auto bytes = before;
    std::size_t written = 0;
    for (const auto at : changed) {
      if (random() % 2 == 0) continue;
      bytes.replace(at, 512, after, at, 512);
      ++written;
    }
    fs::remove_all(path_);
    fs::create_directories(path_);
    write_all(last, bytes);
    write_all(path_ / "end", end);
    ASSERT_TRUE(open()) << detail_;
    EXPECT_TRUE(seen_ == confirmed || (written == changed.size() && seen_ == written_));
    // It continues, and is found again.
    const auto both = written_;
    written_ = seen_;
    append(1, 10);
    ASSERT_TRUE(open()) << detail_;
    EXPECT_EQ(seen_, written_);
    log_.reset();
    written_ = both;
  }
}

TEST_F(LocalLogTest, ACrashWhileASegmentIsBegunLosesNothing) {
  fill();
  const auto count = files().size() - 1;
  // The next segment has its name, but the last one is not closed yet.
  const auto last = segment(static_cast<int>(count));
  const auto whole = read_all(last);
  const auto end = read_all(path_ / "end");
  ASSERT_TRUE(open());
  while (files().size() - 1 == count) append(2, 900);
  log_.reset();
  written_.pop_back();  // the first one in the new segment
  auto bytes = read_all(last);
  std::uint64_t at = 0;
  for (std::uint64_t sector = 0; sector < bytes.size(); sector += 512) {
    BlockHead head;
    if (read_block_head(std::string_view(bytes).substr(sector), head) && head.kind == BlockKind::closes)
      at = sector;
  }
  ASSERT_NE(at, 0u);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 512, '\0');
  write_all(last, bytes);
  write_all(path_ / "end", end);
  auto opening = read_all(segment(static_cast<int>(count + 1)));
  std::fill(opening.begin() + 512, opening.end(), '\0');
  write_all(segment(static_cast<int>(count + 1)), opening);
  ASSERT_TRUE(open()) << detail_;
  EXPECT_EQ(seen_, written_);
  append(1, 5);
  append(40, 900);
  append(40, 900);
  ASSERT_TRUE(open()) << detail_;
  EXPECT_EQ(seen_, written_);
}

// After a power loss the mark is older than the log: only the segment itself shows what it contains.
TEST_F(LocalLogTest, ASegmentWithEventsIsNotTakenForOneThatWasOnlyBegun) {
  fill();
  const auto segments = static_cast<int>(files().size()) - 1;  // without the mark
  auto bytes = read_all(segment(segments - 1));
  const auto closing = bytes.find_last_not_of('\0') / sector_bytes * sector_bytes;
  bytes.replace(closing, sector_bytes, sector_bytes, '\0');
  write_all(segment(segments - 1), bytes);
  fs::remove(path_ / "end");
  EXPECT_FALSE(open());
  EXPECT_NE(detail_.find(segment(segments - 1).native()), std::string::npos) << detail_;
  EXPECT_NE(detail_.find("byte " + std::to_string(closing)), std::string::npos) << detail_;
  EXPECT_TRUE(fs::exists(segment(segments)));
}

TEST_F(LocalLogTest, AMissingSegmentIsNamed) {
  fill();
  const auto segments = static_cast<int>(files().size()) - 1;
  for (const int number : {segments, 1}) {
    const auto bytes = read_all(segment(number));
    fs::remove(segment(number));
    EXPECT_FALSE(open());
    EXPECT_NE(detail_.find(segment(number).native()), std::string::npos) << detail_;
    write_all(segment(number), bytes);
  }
  EXPECT_TRUE(open()) << detail_;
}

// As after a downgrade.
TEST_F(LocalLogTest, AnotherFormatIsRefusedAndNamed) {
  fill();
  for (const int number : {1, static_cast<int>(files().size()) - 1}) {
    const auto whole = read_all(segment(number));
    for (const std::size_t longer : {0, 8}) {
      auto bytes = whole;
      BlockHead head;
      ASSERT_TRUE(read_block_head(bytes, head));
      auto payload = bytes.substr(block_head_bytes, head.payload_bytes) + std::string(longer, 'x');
      payload[0] = 2;
      head.payload_bytes = head.raw_bytes = static_cast<std::uint32_t>(payload.size());
      write_block(bytes.data(), head, payload);
      write_all(segment(number), bytes);
      EXPECT_FALSE(open());
      EXPECT_EQ(detail_, segment(number).native() + " has format 2, but this program reads 1");
      EXPECT_EQ(read_all(segment(number)), bytes) << "changed";
    }
    write_all(segment(number), whole);
  }
  EXPECT_TRUE(open()) << detail_;
  EXPECT_EQ(seen_, written_);
}

TEST_F(LocalLogTest, ACopyThatIsNotSyncedIsALogLikeAnyOther) {
  synced_ = Synced::each_segment;
  fill();
  EXPECT_TRUE(open()) << detail_;
  append();
  synced_ = Synced::each_append;
  EXPECT_TRUE(open()) << detail_;
  append();
  EXPECT_TRUE(open()) << detail_;
  EXPECT_EQ(seen_, written_);
}

TEST_F(LocalLogTest, HasOneOwner) {
  ASSERT_TRUE(open());
  std::string why;
  EXPECT_EQ(LocalLog::open(path_.native(), why).error(), errc::storage_in_use);
  EXPECT_FALSE(why.empty());
}

// A segment of many blocks: found by their heads.
TEST_F(LocalLogTest, FindsEveryPlaceInALargeSegment) {
  std::string why;
  auto log = LocalLog::open(path_.native(), why);
  ASSERT_TRUE(log) << why;
  log_ = std::move(*log);
  std::mt19937 random(5);
  for (int i = 0; i < 1500; ++i)
    append(1 + static_cast<int>(random() % 5), i % 100 == 7 ? 30'000 : random() % 600);
  for (Sequence from = 1; from < next_; from += 1 + random() % 20) {
    Sequence found = 0;
    ASSERT_TRUE(log_->read(from, [&](const BatchView& batch) {
      found = batch.first() <= from ? batch.last() : 0;
      return false;
    }));
    ASSERT_GE(found, from);
  }
}

}  // namespace revoked::engine::local_log_test
