// Closed segments, packed: they read as they did, and nothing that is done to them passes for less.

#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <mutex>
#include <random>
#include <regex>
#include <thread>

#include "engine/log/packed_blocks.hpp"
#include "tests/engine/log/local_log_fixture.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::engine::local_log_test {

using revoked::test::eventually;

class Sealing : public LocalLogFixture {
 protected:
  static bool go_on() { return true; }

  // One by one, what is closed. How many that were.
  int seal_all() {
    int sealed = 0;
    std::size_t done = 0;
    while (const auto number = log_->closed_behind(done)) {
      std::string why;
      const auto packed = log_->seal(*number, go_on, why);
      EXPECT_TRUE(packed && *packed == Packing::done) << why;
      ++sealed;
      done = *number;
    }
    return sealed;
  }
  // Several segments with single events, and batches of all sizes.
  void fill_many() {
    ASSERT_TRUE(open());
    std::mt19937 random(11);
    for (int i = 0; i < 700; ++i) {
      const bool is_large = i % 50 == 7;
      append(is_large ? 200 : 1 + static_cast<int>(random() % 3), random() % 300);
    }
    ASSERT_GE(segments(), 6);
  }
  // All closed ones are sealed; the log is not open.
  void fill_and_seal() {
    fill_many();
    ASSERT_EQ(seal_all(), segments() - 1);
    log_.reset();
  }
  int segments() const {
    return static_cast<int>(
        std::ranges::count_if(files(), [](const fs::path& file) { return file.extension() == ".segment"; }));
  }
  bool has_drafts() const {
    return std::ranges::any_of(files(), [](const fs::path& file) { return file.extension() == ".sealing"; });
  }
  // The batches that have something from there on.
  Batches written_from(Sequence from) const {
    Batches batches;
    for (const auto& bytes : written_) {
      BatchView batch;
      EXPECT_TRUE(BatchView::parse(bytes, batch));
      if (batch.last() >= from) batches.push_back(bytes);
    }
    return batches;
  }
  // Where blocks begin, and the end.
  static std::vector<std::uint64_t> beginnings(std::string_view bytes) {
    std::vector<std::uint64_t> found;
    for (std::uint64_t at = 0; at < bytes.size();) {
      BlockHead head;
      if (!read_block_head(bytes.substr(at), head)) break;
      found.push_back(at);
      at += block_size(head.payload_bytes);
    }
    found.push_back(bytes.size());
    return found;
  }
  // Bytes of a sealed file have been changed: [first, last]. Everything is read, or the refusal names the
  // file and a byte from the block in which that begins.
  void expect_whole_or_named(const fs::path& file, const std::vector<std::uint64_t>& blocks,
                             std::uint64_t first, std::uint64_t last) {
    SCOPED_TRACE(file.filename().native() + " bytes " + std::to_string(first) + " to " +
                 std::to_string(last));
    if (open()) {
      EXPECT_TRUE(seen_ == written_);
      return;
    }
    ++refused_;
    std::smatch found;
    EXPECT_NE(detail_.find(file.native()), std::string::npos) << detail_;
    ASSERT_TRUE(std::regex_search(detail_, found, std::regex("byte ([0-9]+)"))) << detail_;
    const auto at = std::stoull(found[1]);
    EXPECT_GE(at, *std::prev(std::ranges::upper_bound(blocks, first))) << detail_;
    EXPECT_LE(at, last) << detail_;
  }

  int refused_ = 0;
};

TEST_F(Sealing, ReadsTheSameFromEverywhere) {
  fill_many();
  std::uint64_t before = 0, after = 0;
  for (int number = 1; number < segments(); ++number) before += fs::file_size(segment(number));
  ASSERT_EQ(seal_all(), segments() - 1);
  for (int number = 1; number < segments(); ++number) after += fs::file_size(segment(number));
  EXPECT_LT(after, before / 10);
  EXPECT_FALSE(log_->closed_behind(0));
  for (int round = 0; round < 2; ++round) {
    for (Sequence from = 1; from < next_; from += 1 + from % 13) {
      ASSERT_TRUE(read(from) == written_from(from)) << from;
      Sequence found = 0;
      ASSERT_TRUE(log_->read(from, [&](const BatchView& batch) {
        found = batch.first() <= from ? batch.last() : 0;
        return false;
      }));
      ASSERT_GE(found, from);
    }
    ASSERT_TRUE(open()) << detail_;
    EXPECT_TRUE(seen_ == written_);
    EXPECT_FALSE(log_->closed_behind(0));
  }
  for (int i = 0; i < 300; ++i) append(2, 300);
  EXPECT_GT(seal_all(), 1);
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
}

TEST_F(Sealing, TakesAThirdAndLessWhereEachBatchHadOneEvent) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 1'000; ++i) append(1, 60);
  const auto count = seal_all();
  std::uint64_t bytes = 0;
  for (int number = 1; number <= count; ++number) bytes += fs::file_size(segment(number));
  EXPECT_LT(bytes, 1'000u * sector_bytes / 3);
}

// The chain goes through it: unsealed copies and sealed ones stand for each other.
TEST_F(Sealing, EachMayBePackedOrNot) {
  fill_many();
  const auto unpacked = directory_.path() / "unpacked";
  log_.reset();
  fs::copy(path_, unpacked, fs::copy_options::recursive);
  ASSERT_TRUE(open());
  seal_all();
  log_.reset();
  for (int number = 1; number < segments(); number += 2)
    fs::copy_file(unpacked / segment(number).filename(), segment(number),
                  fs::copy_options::overwrite_existing);
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
  EXPECT_EQ(log_->closed_behind(0), 1u);
  EXPECT_EQ(log_->closed_behind(1), 3u);
  EXPECT_GE(seal_all(), 2);
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
}

TEST_F(Sealing, WhoeverReadsTheFileThatWasThereGoesOn) {
  fill_many();
  Batches seen;
  ASSERT_TRUE(log_->read(1, [&](const BatchView& batch) {
    if (seen.empty()) {
      EXPECT_EQ(seal_all(), segments() - 1);
    }
    seen.emplace_back(batch.bytes());
    return true;
  }));
  EXPECT_TRUE(seen == written_);
}

TEST_F(Sealing, ReadersAndTheWriterAreNotDisturbed) {
  fill_many();
  const auto until = next_ - 1;
  const auto expected = written_from(until / 2);
  std::atomic<bool> stops{false};
  std::atomic<int> readings{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stops || readings < 4) {
        Batches seen;
        const auto read = log_->read(until / 2, [&](const BatchView& batch) {
          seen.emplace_back(batch.bytes());
          return batch.last() < until;
        });
        ASSERT_TRUE(read) << log_->failure();
        ASSERT_TRUE(seen == expected);
        ++readings;
      }
    });
  }
  std::thread sealer([&] { seal_all(); });
  for (int i = 0; i < 200; ++i) append(1, 500);
  sealer.join();
  stops = true;
  for (auto& reader : readers) reader.join();
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
}

TEST_F(Sealing, AFlippedBitIsNeverIgnored) {
  fill_and_seal();
  std::mt19937 random(13);
  for (int number = 1; number < segments(); ++number) {
    const auto file = segment(number);
    const auto whole = read_all(file);
    const auto blocks = beginnings(whole);
    const auto flip = [&](std::uint64_t at) {
      auto bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
      write_all(file, bytes);
      expect_whole_or_named(file, blocks, at, at + 1);
    };
    for (int i = 0; i < 100; ++i) flip(random() % whole.size());
    // Heads, what stands before what is packed, the end of it and what fills, in every block.
    for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
      for (int j = 0; j < 8; ++j) flip(blocks[i] + random() % 110);
      for (int j = 0; j < 2; ++j) flip(blocks[i + 1] - 1 - random() % 300);
    }
    write_all(file, whole);
  }
  EXPECT_GT(refused_, 500);
  EXPECT_TRUE(open()) << detail_;
}

TEST_F(Sealing, WipedSectorsAreNoticed) {
  fill_and_seal();
  for (int number = 1; number < segments(); ++number) {
    const auto file = segment(number);
    const auto whole = read_all(file);
    const auto blocks = beginnings(whole);
    for (const std::size_t size : {512u, 4096u}) {
      for (std::size_t at = 0; at < whole.size(); at += 512) {
        auto bytes = whole;
        const auto count = std::min(size, bytes.size() - at);
        bytes.replace(at, count, count, '\0');
        write_all(file, bytes);
        expect_whole_or_named(file, blocks, at, at + count);
        EXPECT_FALSE(log_);
      }
    }
    write_all(file, whole);
  }
  EXPECT_GT(refused_, 100);
}

TEST_F(Sealing, ACutFileIsNoticed) {
  fill_and_seal();
  for (int number = 1; number < segments(); ++number) {
    const auto file = segment(number);
    const auto whole = read_all(file);
    const auto blocks = beginnings(whole);
    for (std::size_t size = 0; size < whole.size(); size += 128) {
      write_all(file, std::string_view(whole).substr(0, size));
      expect_whole_or_named(file, blocks, size, whole.size());
      EXPECT_FALSE(log_);
    }
    write_all(file, whole);
  }
}

TEST_F(Sealing, RemovedSwappedAndOldFilesAreNoticed) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 40; ++i) append(3, 700);
  log_.reset();
  const auto older = directory_.path() / "older";
  fs::copy(path_, older, fs::copy_options::recursive);
  fill_and_seal();
  const auto all = directory_.path() / "all";
  fs::copy(path_, all, fs::copy_options::recursive);
  const auto restore = [&] {
    log_.reset();
    fs::remove_all(path_);
    fs::copy(all, path_, fs::copy_options::recursive);
  };
  const auto count = segments();
  for (int number = 1; number < count; ++number) {
    fs::remove(segment(number));
    EXPECT_FALSE(open());
    EXPECT_NE(detail_.find(segment(number).native()), std::string::npos) << detail_;
    restore();
    if (const auto old = older / segment(number).filename(); fs::exists(old)) {
      fs::copy_file(old, segment(number), fs::copy_options::overwrite_existing);
      expect_whole_or_refused("an older copy");
      restore();
    }
    for (int other = number + 1; other <= count; ++other) {
      fs::copy_file(all / segment(other).filename(), segment(number), fs::copy_options::overwrite_existing);
      fs::copy_file(all / segment(number).filename(), segment(other), fs::copy_options::overwrite_existing);
      EXPECT_FALSE(open());
      restore();
    }
  }
  // All that came behind a sealed one.
  for (int number = 3; number <= count; ++number) fs::remove(segment(number));
  EXPECT_FALSE(open());
  EXPECT_NE(detail_.find(segment(3).native() + " is missing"), std::string::npos) << detail_;
}

// A power loss has left an older mark of the end: the segment itself says that it was closed.
TEST_F(Sealing, OneWithoutItsEndIsNotTakenForTheOpenOne) {
  fill_and_seal();
  const auto last = segments();
  auto opening = read_all(segment(last));
  std::fill(opening.begin() + 512, opening.end(), '\0');
  write_all(segment(last), opening);
  fs::remove(path_ / "end");
  const auto whole = read_all(segment(last - 1));
  const auto blocks = beginnings(whole);
  for (const auto size : blocks) {
    if (size == 0 || size == whole.size()) continue;
    // Its size is that of an open one, too.
    for (const auto room : {size, std::uint64_t{1} << 20}) {
      auto bytes = whole.substr(0, size);
      bytes.resize(room);
      write_all(segment(last - 1), bytes);
      EXPECT_FALSE(open()) << size;
      EXPECT_NE(detail_.find(segment(last - 1).native()), std::string::npos) << detail_;
    }
  }
}

// Whoever writes both sums: what is packed is not what the chain says.
TEST_F(Sealing, AnotherEventThatIsPackedWithARightSumIsRefused) {
  fill_and_seal();
  const auto file = segment(2);
  auto bytes = read_all(file);
  const auto at = beginnings(bytes)[1];
  BlockHead head;
  ASSERT_TRUE(read_block_head(std::string_view(bytes).substr(at), head));
  ASSERT_EQ(head.kind, BlockKind::packed);
  const auto payload = bytes.substr(at + block_head_bytes, head.payload_bytes);
  UnpackedBlocks was;
  ASSERT_TRUE(was.unpack(head, payload));
  BlockPacker packer;
  std::string last;
  while (!was.empty()) {
    BlockHead each;
    std::string events(was.next(each));
    if (packer.empty()) events.back() ^= 1;
    packer.add(each, events);  // under the sum that it had
  }
  std::string forged;
  ASSERT_TRUE(packer.take(forged));
  ASSERT_EQ(forged.size(), block_size(head.payload_bytes));
  bytes.replace(at, forged.size(), forged);
  write_all(file, bytes);
  EXPECT_FALSE(open());
  EXPECT_NE(detail_.find(file.native() + " has been damaged at byte " + std::to_string(at)),
            std::string::npos)
      << detail_;
}

TEST_F(Sealing, WhatACrashLeavesIsRemoved) {
  fill_many();
  const auto draft = path_ / "00000002.sealing";
  log_.reset();
  write_all(draft, read_all(segment(2)).substr(0, 3'000));
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
  EXPECT_FALSE(fs::exists(draft));
  write_all(draft, std::string(1 << 20, 'x'));
  seal_all();
  EXPECT_FALSE(has_drafts());
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
}

TEST_F(Sealing, WhatIsDamagedStaysAsItIs) {
  fill_many();
  log_.reset();
  auto bytes = read_all(segment(2));
  const auto at = beginnings(bytes)[5];
  bytes[at + 90] ^= 1;
  write_all(segment(2), bytes);
  std::string why;
  auto log = LocalLog::open(path_.native(), why, segment_bytes);
  ASSERT_TRUE(log) << why;
  EXPECT_EQ((*log)->seal(2, go_on, why).error(), errc::storage_corrupt);
  EXPECT_NE(why.find(segment(2).native() + " has been damaged at byte " + std::to_string(at)),
            std::string::npos)
      << why;
  EXPECT_TRUE(read_all(segment(2)) == bytes);
  EXPECT_FALSE(has_drafts());
  EXPECT_TRUE((*log)->failure().empty());
}

TEST_F(Sealing, WhatWouldNotBecomeSmallerStaysAsItIs) {
  ASSERT_TRUE(open());
  std::mt19937 random(17);
  while (segments() < 3) {
    Batch batch;
    batch.begin(1, next_);
    std::string noise(50'000, '\0');
    for (auto& c : noise) c = static_cast<char>(random());
    EventView event;
    event[Field::metadata] = noise;
    batch.append(event);
    ASSERT_TRUE(log_->append(batch.view()));
    written_.emplace_back(batch.view().bytes());
    next_ = batch.view().last() + 1;
  }
  const auto before = read_all(segment(1));
  std::string why;
  const auto packed = log_->seal(1, go_on, why);
  ASSERT_TRUE(packed) << why;
  EXPECT_EQ(*packed, Packing::no_smaller);
  EXPECT_TRUE(read_all(segment(1)) == before);
  EXPECT_FALSE(has_drafts());
  EXPECT_TRUE(read() == written_);
}

// The disk gives back something else than what was written.
TEST_F(Sealing, OneThatDoesNotReadBackTakesNoPlace) {
  std::string why;
  auto log = LocalLog::open(path_.native(), why, 4 << 20);
  ASSERT_TRUE(log) << why;
  log_ = std::move(*log);
  std::mt19937 random(19);
  while (segments() < 2) append(1 + static_cast<int>(random() % 300), random() % 50);
  const auto before = read_all(segment(1));
  const auto draft = path_ / "00000001.sealing";
  bool is_damaged = false;
  const auto damage_once_written = [&] {
    if (is_damaged || !fs::exists(draft) || fs::file_size(draft) == 0) return true;
    auto bytes = read_all(draft);
    bytes[bytes.size() - 700] ^= 1;
    write_all(draft, bytes);
    return is_damaged = true;
  };
  const auto packed = log_->seal(1, damage_once_written, why);
  EXPECT_TRUE(is_damaged);
  EXPECT_EQ(packed.error(), errc::storage_failed);
  EXPECT_NE(why.find(draft.native()), std::string::npos) << why;
  EXPECT_TRUE(read_all(segment(1)) == before);
  EXPECT_FALSE(has_drafts());
  EXPECT_TRUE(read() == written_);
}

TEST_F(Sealing, IsGivenUpWhenAsked) {
  fill_many();
  std::string why;
  int asked = 0;
  const auto packed = log_->seal(
      1, [&] { return ++asked < 3; }, why);
  ASSERT_TRUE(packed) << why;
  EXPECT_EQ(*packed, Packing::given_up);
  EXPECT_FALSE(has_drafts());
  EXPECT_EQ(log_->closed_behind(0), 1u);
}

TEST_F(Sealing, AFullDiskCostsNothingElse) {
  fill_many();
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  std::string why;
  for (const rlim_t limit : {0u, 1'000u}) {
    const rlimit small{limit, usual.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto packed = log_->seal(1, go_on, why);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
    EXPECT_EQ(packed.error(), std::errc::file_too_large);
    EXPECT_NE(why.find("00000001.sealing"), std::string::npos) << why;
    EXPECT_FALSE(has_drafts());
  }
  ::signal(SIGXFSZ, before);
  append(1, 10);
  EXPECT_EQ(seal_all(), segments() - 1);
  EXPECT_TRUE(read() == written_);
}

// What is said about it, from any thread.
struct Said {
  std::mutex mutex;
  std::vector<std::string> lines;
  Sealer::Tell tell() {
    return [this](std::string_view why) {
      const std::scoped_lock lock(mutex);
      lines.emplace_back(why);
    };
  }
  std::size_t count() {
    const std::scoped_lock lock(mutex);
    return lines.size();
  }
};

TEST_F(Sealing, BeginsWithTheFirstAppendAndGoesOn) {
  fill_many();
  ASSERT_TRUE(open());
  Said said;
  log_->seal_in_background(said.tell());
  EXPECT_EQ(log_->closed_behind(0), 1u);
  for (int i = 0; i < 3; ++i) {
    append(1, 10);
    EXPECT_TRUE(eventually([&] { return !log_->closed_behind(0); }));
    for (int j = 0; j < 100; ++j) append(3, 400);
  }
  EXPECT_TRUE(eventually([&] { return !log_->closed_behind(0); }));
  EXPECT_EQ(said.count(), 0u);
  EXPECT_TRUE(read() == written_);
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
}

TEST_F(Sealing, OneThatIsDamagedIsNamedOnceAndTheOthersArePacked) {
  fill_many();
  log_.reset();
  auto bytes = read_all(segment(2));
  bytes[beginnings(bytes)[5] + 90] ^= 1;
  write_all(segment(2), bytes);
  std::string why;
  auto log = LocalLog::open(path_.native(), why, segment_bytes);
  ASSERT_TRUE(log) << why;
  log_ = std::move(*log);
  Said said;
  log_->seal_in_background(said.tell());
  append(1, 10);
  EXPECT_TRUE(eventually([&] { return !log_->closed_behind(2) && log_->closed_behind(0) == 2u; }));
  const auto count = static_cast<std::size_t>(segments());
  while (static_cast<std::size_t>(segments()) < count + 2) append(3, 400);
  EXPECT_TRUE(eventually([&] { return !log_->closed_behind(2); }));
  EXPECT_EQ(said.count(), 1u);
}

// An end in the middle of it, without waiting for the rest.
TEST_F(Sealing, EndsWithTheLog) {
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(open()) << detail_;
    log_->seal_in_background({});
    for (int i = 0; i < 150; ++i) append(2, 300);
  }
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
  EXPECT_FALSE(has_drafts());
}

}  // namespace revoked::engine::local_log_test
