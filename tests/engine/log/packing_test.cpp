// Packed segments read like the originals, and a failure to pack has no other effect.

#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "tests/engine/log/packing_fixture.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::engine::local_log_test {

using revoked::test::eventually;
using revoked::test::when_idle;
using SegmentPacking = PackingFixture;

TEST_F(SegmentPacking, ReadsTheSameFromEverywhere) {
  fill_many();
  std::uint64_t before = 0, after = 0;
  for (int number = 1; number < segments(); ++number) before += fs::file_size(segment(number));
  ASSERT_EQ(pack_all(), segments() - 1);
  for (int number = 1; number < segments(); ++number) after += fs::file_size(segment(number));
  EXPECT_LT(after, before / 10);
  EXPECT_FALSE(log_->next_unpacked(0));
  constexpr Sequence step = revoked::test::sanitized ? 8 : 1;
  for (int round = 0; round < 2; ++round) {
    for (Sequence from = 1; from < next_; from += step + from % 13) {
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
    EXPECT_FALSE(log_->next_unpacked(0));
  }
  for (int i = 0; i < 300; ++i) append(2, 300);
  EXPECT_GT(pack_all(), 1);
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
}

TEST_F(SegmentPacking, TakesAThirdAndLessWhereEachBatchHadOneEvent) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 1'000; ++i) append(1, 60);
  const auto count = pack_all();
  std::uint64_t bytes = 0;
  for (int number = 1; number <= count; ++number) bytes += fs::file_size(segment(number));
  EXPECT_LT(bytes, 1'000u * sector_bytes / 3);
}

// The chain is the same: packed and unpacked copies are interchangeable.
TEST_F(SegmentPacking, EachMayBePackedOrNot) {
  fill_many();
  const auto unpacked = directory_.path() / "unpacked";
  log_.reset();
  fs::copy(path_, unpacked, fs::copy_options::recursive);
  ASSERT_TRUE(open());
  pack_all();
  log_.reset();
  for (int number = 1; number < segments(); number += 2)
    fs::copy_file(unpacked / segment(number).filename(), segment(number),
                  fs::copy_options::overwrite_existing);
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
  EXPECT_EQ(log_->next_unpacked(0), 1u);
  EXPECT_EQ(log_->next_unpacked(1), 3u);
  EXPECT_GE(pack_all(), 2);
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
}

TEST_F(SegmentPacking, WhoeverReadsTheFileThatWasThereGoesOn) {
  fill_many();
  Batches seen;
  ASSERT_TRUE(log_->read(1, [&](const BatchView& batch) {
    if (seen.empty()) {
      EXPECT_EQ(pack_all(), segments() - 1);
    }
    seen.emplace_back(batch.bytes());
    return true;
  }));
  EXPECT_TRUE(seen == written_);
}

TEST_F(SegmentPacking, ReadersAndTheWriterAreNotDisturbed) {
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
  std::thread packer([&] { pack_all(); });
  for (int i = 0; i < 200; ++i) append(1, 500);
  packer.join();
  stops = true;
  for (auto& reader : readers) reader.join();
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
}

TEST_F(SegmentPacking, WhatACrashLeavesIsRemoved) {
  fill_many();
  const auto draft = path_ / "00000002.packing";
  log_.reset();
  write_all(draft, read_all(segment(2)).substr(0, 3'000));
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
  EXPECT_FALSE(fs::exists(draft));
  write_all(draft, std::string(1 << 20, 'x'));
  pack_all();
  EXPECT_FALSE(has_drafts());
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
}

TEST_F(SegmentPacking, WhatIsDamagedStaysAsItIs) {
  fill_many();
  log_.reset();
  auto bytes = read_all(segment(2));
  const auto at = beginnings(bytes)[5];
  bytes[at + 90] ^= 1;
  write_all(segment(2), bytes);
  std::string why;
  auto log = LocalLog::open(path_.native(), why, segment_bytes);
  ASSERT_TRUE(log) << why;
  EXPECT_EQ((*log)->pack(2, go_on, why).error(), errc::storage_corrupt);
  EXPECT_NE(why.find(segment(2).native() + " has been damaged at byte " + std::to_string(at)),
            std::string::npos)
      << why;
  EXPECT_TRUE(read_all(segment(2)) == bytes);
  EXPECT_FALSE(has_drafts());
  EXPECT_TRUE((*log)->failure().empty());
}

TEST_F(SegmentPacking, WhatWouldNotBecomeSmallerStaysAsItIs) {
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
  const auto packed = log_->pack(1, go_on, why);
  ASSERT_TRUE(packed) << why;
  EXPECT_EQ(*packed, Packing::no_smaller);
  EXPECT_TRUE(read_all(segment(1)) == before);
  EXPECT_FALSE(has_drafts());
  EXPECT_TRUE(read() == written_);
}

// The disk reads back something else than what was written.
TEST_F(SegmentPacking, OneThatDoesNotReadBackTakesNoPlace) {
  std::string why;
  auto log = LocalLog::open(path_.native(), why, 4 << 20);
  ASSERT_TRUE(log) << why;
  log_ = std::move(*log);
  std::mt19937 random(19);
  while (segments() < 2) append(1 + static_cast<int>(random() % 300), random() % 50);
  const auto before = read_all(segment(1));
  const auto draft = path_ / "00000001.packing";
  bool is_damaged = false;
  const auto damage_once_written = [&] {
    if (is_damaged || !fs::exists(draft) || fs::file_size(draft) == 0) return true;
    auto bytes = read_all(draft);
    bytes[bytes.size() - 700] ^= 1;
    write_all(draft, bytes);
    return is_damaged = true;
  };
  const auto packed = log_->pack(1, damage_once_written, why);
  EXPECT_TRUE(is_damaged);
  EXPECT_EQ(packed.error(), errc::storage_failed);
  EXPECT_NE(why.find(draft.native()), std::string::npos) << why;
  EXPECT_TRUE(read_all(segment(1)) == before);
  EXPECT_FALSE(has_drafts());
  EXPECT_TRUE(read() == written_);
}

TEST_F(SegmentPacking, IsGivenUpWhenAsked) {
  fill_many();
  std::string why;
  int asked = 0;
  const auto packed = log_->pack(
      1, [&] { return ++asked < 3; }, why);
  ASSERT_TRUE(packed) << why;
  EXPECT_EQ(*packed, Packing::given_up);
  EXPECT_FALSE(has_drafts());
  EXPECT_EQ(log_->next_unpacked(0), 1u);
}

TEST_F(SegmentPacking, AFullDiskCostsNothingElse) {
  fill_many();
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  std::string why;
  for (const rlim_t limit : {0u, 1'000u}) {
    const rlimit small{limit, usual.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto packed = log_->pack(1, go_on, why);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
    EXPECT_EQ(packed.error(), std::errc::file_too_large);
    EXPECT_NE(why.find("00000001.packing"), std::string::npos) << why;
    EXPECT_FALSE(has_drafts());
  }
  ::signal(SIGXFSZ, before);
  append(1, 10);
  EXPECT_EQ(pack_all(), segments() - 1);
  EXPECT_TRUE(read() == written_);
}

// What was reported, from any thread.
struct Said {
  std::mutex mutex;
  std::vector<std::string> lines;
  BackgroundPacker::Report report() {
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

TEST_F(SegmentPacking, BeginsWithTheFirstAppendAndGoesOn) {
  fill_many();
  ASSERT_TRUE(open());
  Said said;
  log_->pack_in_background(said.report());
  EXPECT_EQ(log_->next_unpacked(0), 1u);
  for (int i = 0; i < 3; ++i) {
    append(1, 10);
    EXPECT_TRUE(eventually([&] { return !log_->next_unpacked(0); }, when_idle));
    for (int j = 0; j < 100; ++j) append(3, 400);
  }
  EXPECT_TRUE(eventually([&] { return !log_->next_unpacked(0); }, when_idle));
  EXPECT_EQ(said.count(), 0u);
  EXPECT_TRUE(read() == written_);
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
}

// Commits have priority until many segments wait.
TEST_F(SegmentPacking, WaitsForAPauseUnlessMuchHasGathered) {
  using Clock = std::chrono::steady_clock;
  ASSERT_TRUE(open());
  const int most = static_cast<int>(LocalLog::most_unpacked);
  while (segments() < most) append(50, 200);
  const auto before = Clock::now();
  append(1, 10);
  const auto after = Clock::now();
  EXPECT_TRUE(log_->must_packing_wait(before));
  EXPECT_TRUE(log_->must_packing_wait(before + LocalLog::just_now));
  EXPECT_FALSE(log_->must_packing_wait(after + LocalLog::just_now + std::chrono::milliseconds(1)));
  while (segments() == most) append(50, 200);
  EXPECT_FALSE(log_->must_packing_wait(before));
  EXPECT_TRUE(log_->pack(1, go_on, detail_)) << detail_;
  EXPECT_TRUE(log_->must_packing_wait(before));
}

// While the log says so. A busy machine may pause between two appends: then it may begin.
TEST_F(SegmentPacking, InTheBackgroundWaitsForAPauseUnlessMuchHasGathered) {
  using Clock = std::chrono::steady_clock;
  ASSERT_TRUE(open());
  while (segments() < 3) append(50, 200);
  log_->pack_in_background({});
  auto appended = Clock::now();
  append(1, 10);
  Clock::duration longest_pause{};
  for (const auto until = appended + 4 * LocalLog::just_now; appended < until;) {
    std::this_thread::sleep_for(LocalLog::just_now / 20);
    const auto before = std::exchange(appended, Clock::now());
    append(1, 10);
    const bool waits = log_->next_unpacked(0) == 1u;
    longest_pause = std::max(longest_pause, Clock::now() - before);
    ASSERT_TRUE(waits || longest_pause > LocalLog::just_now);
    ASSERT_LE(segments(), static_cast<int>(LocalLog::most_unpacked));
  }
  while (segments() <= static_cast<int>(LocalLog::most_unpacked) + 1) append(50, 200);
  EXPECT_TRUE(eventually(
      [&] {
        append(1, 10);
        return log_->next_unpacked(0) != 1u;
      },
      when_idle));
  EXPECT_TRUE(eventually([&] { return !log_->next_unpacked(0); }, when_idle)) << "a pause";
  EXPECT_TRUE(read() == written_);
}

TEST_F(SegmentPacking, OneThatIsDamagedIsNamedOnceAndTheOthersArePacked) {
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
  log_->pack_in_background(said.report());
  append(1, 10);
  EXPECT_TRUE(eventually([&] { return !log_->next_unpacked(2) && log_->next_unpacked(0) == 2u; }, when_idle));
  const auto count = static_cast<std::size_t>(segments());
  while (static_cast<std::size_t>(segments()) < count + 2) append(3, 400);
  EXPECT_TRUE(eventually([&] { return !log_->next_unpacked(2); }, when_idle));
  EXPECT_EQ(said.count(), 1u);
}

// It stops in the middle, without waiting for the rest.
TEST_F(SegmentPacking, EndsWithTheLog) {
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(open()) << detail_;
    log_->pack_in_background({});
    for (int i = 0; i < 150; ++i) append(2, 300);
  }
  ASSERT_TRUE(open()) << detail_;
  EXPECT_TRUE(seen_ == written_);
  EXPECT_FALSE(has_drafts());
}

}  // namespace revoked::engine::local_log_test
