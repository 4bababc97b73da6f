// Whatever the damage to the files of an engine: it starts with everything that was acknowledged, or it
// refuses and names the file and the place. An observer has recorded what was acknowledged.

#include <gtest/gtest.h>

#include "engine/engine.hpp"
#include "tests/support/key_observer.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/rounds.hpp"
#include "tests/support/small_segments.hpp"

namespace revoked::test::damage_systest {

namespace fs = std::filesystem;
using Reading = KeyObserver::Reading;

void copy_directory(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

// A run of the engine in this process, with a checkpoint before half a million events.
void make_checkpoint(const fs::path& directory) {
  struct : engine::JournalListener {
    void on_batch(const engine::BatchView&) override {}
  } nobody;
  std::string detail;
  engine::Engine::Options options;
  options.checkpoint_file = directory / "tables";
  options.checkpoint_after = 1;
  engine::Engine engine(std::move(options), [] {});
  auto store = engine::open_store(directory, {}, detail);
  ASSERT_TRUE(store) << detail;
  ASSERT_TRUE(engine.start(std::move(*store), nobody, [](const engine::LoadProgress&) {}));
  engine.stop();
}

class Damaged : public testing::Test {
 protected:
  // Six runs, ended by SIGTERM, by SIGKILL and with checkpoints; before() is a copy from between them.
  void SetUp() override {
    whole_seen_.use_every_verb(engine_, 300, 900);
    engine_.kill();
    run([&] { whole_seen_.use_every_verb(engine_, 300, 900); });
    engine_.kill();
    make_segments_small(data(), 256 << 10);
    ASSERT_NO_FATAL_FAILURE(make_checkpoint(data()));
    copy_directory(data(), before());
    run([&] { whole_seen_.use_every_verb(engine_, 600, 900); });
    ASSERT_EQ(engine_.stop(), 0);
    make_segments_small(data(), 256 << 10);
    ASSERT_NO_FATAL_FAILURE(make_checkpoint(data()));
    copy_directory(data(), unpacked());
    run([&] { whole_seen_.use_every_verb(engine_, 20, 100); });
    ASSERT_TRUE(eventually([&] { return are_packed(data()); }, when_idle));
    expect_whole(whole_seen_, Reading::whole);
    engine_.kill();
    copy_directory(data(), whole());
    unpack_some();
    ASSERT_GE(std::ranges::count_if(names_of_files(whole()), [](auto& name) { return is_segment(name); }), 4);
    ASSERT_TRUE(fs::exists(before() / "tables") && fs::exists(before() / "log/end"));
  }

  // Every second closed segment is unpacked, the others are packed.
  void unpack_some() {
    const auto closed = closed_segments(whole());
    ASSERT_GE(closed.size(), 3u);
    for (std::size_t i = 1; i < closed.size(); i += 2)
      fs::copy_file(unpacked() / "log" / closed[i].filename(), closed[i],
                    fs::copy_options::overwrite_existing);
    EXPECT_TRUE(is_packed(closed[0]) && !is_packed(closed[1]));
  }

  template <class Work>
  void run(Work work) {
    engine_.start();
    whole_seen_.begin_run();
    work();
  }

  static bool is_segment(const std::string& file) { return file.ends_with(".segment"); }

  // Each chosen file, each kind of damage.
  template <class Chosen>
  void damage_each(Chosen is_chosen) {
    for (unsigned round = 0; round < test_rounds(); ++round) {
      for (const auto& file : names_of_files(whole())) {
        if (file == "master.key" || !is_chosen(file)) continue;
        for (const auto each : all_damages) {
          cases_ += damage(file, each);
        }
      }
    }
    RecordProperty("cases", cases_);
    RecordProperty("refused", refused_);
  }

  // One file, one damage. The number of cases: 0 if the file would not change.
  int damage(const std::string& file, Damage damage) {
    engine_.kill();
    copy_directory(whole(), data());
    const auto done = inflict(damage, data(), file, before(), random_);
    if (!done) return 0;
    SCOPED_TRACE(done->text);
    const bool is_of_log = file.starts_with("log/");
    if (const auto refusal = refusal_of(engine_)) {
      ++refused_;
      EXPECT_TRUE(is_of_log) << "affects more than itself\n" << engine_.process().description();
      expect_names(engine_, *refusal, *done);
      expect_left_alone(done->files);
      return 1;
    }
    auto seen = whole_seen_;
    seen.begin_run();
    expect_whole(seen, is_of_log ? Reading::whole_or_error : Reading::whole_soon);
    seen.go_on(engine_);
    if (is_of_log || std::bernoulli_distribution()(random_)) start_again(seen, *done, is_of_log);
    return 1;
  }

  // After a kill or a stop. Sometimes without the checkpoint, so that all segments are read.
  void start_again(KeyObserver& seen, const Inflicted& done, bool is_of_log) {
    std::bernoulli_distribution even;
    if (even(random_)) {
      engine_.kill();
    } else {
      EXPECT_EQ(engine_.stop(), 0) << engine_.process().description();
    }
    const bool without_checkpoint = is_of_log && even(random_) && fs::remove(data() / "tables");
    if (const auto refusal = refusal_of(engine_)) {
      EXPECT_TRUE(without_checkpoint) << "started before\n" << engine_.process().description();
      return expect_names(engine_, *refusal, done);
    }
    seen.begin_run();
    expect_whole(seen, is_of_log && !without_checkpoint ? Reading::whole_or_error : Reading::whole_soon);
    seen.go_on(engine_);
  }

  // The other segments are unchanged: with another copy of the damaged file, nothing is lost.
  void expect_left_alone(const std::vector<std::string>& damaged) {
    for (const auto& file : names_of_files(whole())) {
      if (!is_segment(file) || std::ranges::find(damaged, file) != damaged.end()) continue;
      EXPECT_TRUE(read_file(whole() / file) == read_file(data() / file)) << file;
    }
  }

  void expect_whole(const KeyObserver& seen, Reading reading) {
    seen.expect_decisions(engine_, 1'000, 60, random_);
    seen.expect_records(engine_, 12, reading, random_);
  }

  fs::path data() const { return engine_.data_directory(); }
  fs::path whole() const { return copies_ / "whole"; }
  fs::path before() const { return copies_ / "before"; }
  fs::path unpacked() const { return copies_ / "unpacked"; }

  EngineProcess engine_;
  TemporaryDirectory copies_;
  KeyObserver whole_seen_;
  const unsigned seed_ = test_seed();
  std::mt19937 random_{seed_};
  int cases_ = 0;
  int refused_ = 0;
};

TEST_F(Damaged, TheLogIsReadWholeOrItsFileAndThePlaceAreNamed) {
  SCOPED_TRACE("REVOKED_TEST_SEED=" + std::to_string(seed_));
  damage_each([](const std::string& file) { return file.starts_with("log/"); });
  EXPECT_GT(refused_, 10);
}

TEST_F(Damaged, IndexAndCheckpointCostOnlyThemselves) {
  SCOPED_TRACE("REVOKED_TEST_SEED=" + std::to_string(seed_));
  damage_each([](const std::string& file) { return !file.starts_with("log/"); });
}

// The whole log is older than checkpoint or index: positions would be assigned again.
TEST_F(Damaged, AnOlderLogIsRefusedForWhatTheCheckpointOrTheIndexKnows) {
  for (const std::string kept : {"tables", "index"}) {
    copy_directory(whole(), data());
    copy_directory(before() / "log", data() / "log");
    fs::remove_all(data() / (kept == "index" ? "tables" : "index"));
    const auto refusal = refusal_of(engine_);
    ASSERT_TRUE(refusal) << kept;
    expect_names(engine_, *refusal, {kept, {"/" + kept}, {}, 0, {}});
  }
}

}  // namespace revoked::test::damage_systest
