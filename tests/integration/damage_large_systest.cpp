// A log of several segments, and a checkpoint made when it is due: a start from it does not read the old
// segments, so damage there is found by a request that reads them, or when the whole log must be read.

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "tests/support/key_observer.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/rounds.hpp"
#include "tests/support/small_segments.hpp"

namespace revoked::test::damage_large_systest {

namespace fs = std::filesystem;
using Reading = KeyObserver::Reading;

class LargeLog : public testing::Test {
 protected:
  void SetUp() override {
    if (programs_are_sanitized()) GTEST_SKIP() << "half a million keys";
    for (int i = 0; i < 4; ++i) seen_.use_every_verb(engine_, 125'000, 180);
    ASSERT_EQ(engine_.stop(), 0);
    ASSERT_TRUE(fs::exists(checkpoint()));
    run();
    seen_.use_every_verb(engine_, 20, 100);
    ASSERT_TRUE(eventually([&] { return are_packed(engine_.data_directory()); }, when_idle));
    engine_.kill();
    segments_ = names_of_files(engine_.data_directory());
    std::erase_if(segments_, [](const std::string& file) { return !file.ends_with(".segment"); });
    ASSERT_GE(segments_.size(), 3u);
  }

  void run() {
    engine_.start();
    seen_.begin_run();
  }

  void expect_whole(Reading reading) {
    seen_.expect_decisions(engine_, 1'000, 1'000, random_);
    seen_.expect_records(engine_, 16, reading, random_);
    seen_.go_on(engine_);
  }

  fs::path checkpoint() const { return engine_.data_directory() / "tables"; }

  EngineProcess engine_;
  KeyObserver seen_;
  std::vector<std::string> segments_;
  const unsigned seed_ = test_seed();
  std::mt19937 random_{seed_};
};

TEST_F(LargeLog, DamageInAnOldSegmentIsNeverPassedOver) {
  SCOPED_TRACE("REVOKED_TEST_SEED=" + std::to_string(seed_));
  const auto data = engine_.data_directory();
  const auto aside = data.parent_path() / "tables";
  segments_.pop_back();
  for (unsigned round = 0; round < test_rounds(); ++round) {
    std::ranges::shuffle(segments_, random_);
    const auto count = tests_everything() ? segments_.size() : std::min<std::size_t>(3, segments_.size());
    for (const auto& file : std::span(segments_).first(count)) {
      const auto done =
          inflict(round % 2 == 0 ? Damage::flipped_bit : Damage::zeroed_block, data, file, data, random_);
      if (!done) continue;
      SCOPED_TRACE(done->text);
      if (const auto refusal = refusal_of(engine_)) {
        expect_names(engine_, *refusal, *done);
      } else {
        seen_.begin_run();
        expect_whole(Reading::whole_or_error);
        engine_.kill();
      }
      fs::rename(checkpoint(), aside);
      if (const auto refusal = refusal_of(engine_)) {
        expect_names(engine_, *refusal, *done);
      } else {
        seen_.begin_run();
        expect_whole(Reading::whole);
        engine_.kill();
      }
      undo(*done, data);
      fs::rename(aside, checkpoint());
    }
  }
  fs::remove(checkpoint());
  run();
  expect_whole(Reading::whole);
}

}  // namespace revoked::test::damage_large_systest
