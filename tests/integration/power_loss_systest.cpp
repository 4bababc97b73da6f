// Power loss: a private disk is shut down at any time, without the part of its journal that is in memory, and
// mounted again. Everything that was acknowledged is there.
//
// REVOKED_TEST_ROUNDS=N multiplies the rounds by N.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <random>

#include "tests/support/revocation_load.hpp"
#include "tests/support/rounds.hpp"
#include "tests/support/small_segments.hpp"
#include "tests/support/witness.hpp"

namespace revoked::test::power_loss_systest {

bool succeeds(std::vector<std::string> command) {
  Process process({.command = std::move(command)});
  return process.wait(60s) == 0;
}

// An ext4 in a file, mounted on a directory, in a private mount namespace of the test.
class Disk {
 public:
  explicit Disk(std::filesystem::path directory) : directory_(std::move(directory)) {
    const auto image = image_.path() / "disk";
    write_file(image, "");
    std::filesystem::resize_file(image, 384 << 20);
    is_good_ = ::unshare(CLONE_NEWNS) == 0 &&
               ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               succeeds({"mkfs.ext4", "-q", image}) && mount();
  }
  ~Disk() {
    if (is_mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  bool is_good() const { return is_good_; }

  // From now on nothing is written to the disk. False: its file system does not support that.
  bool cut() const {
    constexpr unsigned long shut_down = _IOR('X', 125, std::uint32_t);  // EXT4_IOC_SHUTDOWN
    std::uint32_t without_journal = 2;                                  // EXT4_GOING_FLAGS_NOLOGFLUSH
    const int handle = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool done = handle >= 0 && ::ioctl(handle, shut_down, &without_journal) == 0;
    if (handle >= 0) ::close(handle);
    return done;
  }
  bool come_back() {
    is_mounted_ = ::umount(directory_.c_str()) != 0;
    return !is_mounted_ && mount();
  }

 private:
  bool mount() { return is_mounted_ = succeeds({"mount", "-o", "loop", image_.path() / "disk", directory_}); }

  const std::filesystem::path directory_;
  TemporaryDirectory image_;
  bool is_good_ = false;
  bool is_mounted_ = false;
};

class PowerLoss : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(engine_.stop(), 0);
    std::filesystem::remove_all(engine_.data_directory());
    std::filesystem::create_directories(engine_.data_directory());
    disk_.emplace(engine_.data_directory());
    if (!disk_->is_good()) GTEST_SKIP() << "needs mkfs.ext4, loop devices and the right to mount them";
  }
  void TearDown() override {
    engine_.kill();
    disk_.reset();
  }

  void lose_power() {
    ASSERT_TRUE(disk_->cut());
    engine_.kill();
    ASSERT_TRUE(disk_->come_back());
  }

  EngineProcess engine_;
  std::optional<Disk> disk_;
  const unsigned seed_ = test_seed();
  std::mt19937_64 random_{seed_};
};

TEST_F(PowerLoss, AfterAnyWorkLosesNothing) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  struct Work {
    std::string name;
    std::function<bool(Witness&, HttpClient&, const std::string& tag)> ask;
    bool stops = false;
  };
  std::vector<Work> works{
      {"first start", [](Witness&, HttpClient&, const std::string&) { return true; }},
      {"all verbs",
       [](Witness& w, HttpClient& c, const std::string& tag) { return w.ask_for_everything(c, tag); }},
      {"import", [](Witness& w, HttpClient& c, const std::string& tag) { return w.import(c, tag, 200); }},
      {"bulk",
       [](Witness& w, HttpClient& c, const std::string& tag) {
         return w.import(c, tag, 4) && w.revoke_many(c, {tag + "-i0", tag + "-i1", tag + "-i2"});
       }},
      {"revocation", [](Witness& w, HttpClient& c,
                        const std::string& tag) { return w.create(c, tag) && w.revoke(c, tag); }},
      {"stop", [](Witness& w, HttpClient& c, const std::string& tag) { return w.create(c, tag); }, true}};
  Witness witness;
  unsigned number = 0;
  for (unsigned round = 0; round < test_rounds(); ++round) {
    for (const auto& work : works) {
      {
        const auto delay = std::chrono::milliseconds(number % 2 == round % 2 ? 0 : random_() % 3000);
        SCOPED_TRACE(work.name + ", power lost after " + std::to_string(delay.count()) + " ms");
        engine_.start();
        {
          HttpClient client = engine_.client();
          ASSERT_TRUE(work.ask(witness, client, "t" + std::to_string(++number))) << engine_.log_text();
        }
        if (work.stops) {
          ASSERT_EQ(engine_.stop(), 0);
        }
        std::this_thread::sleep_for(delay);
        lose_power();
        expect_all_there(engine_, witness);
        if (HasFailure()) return;
      }
    }
  }
}

TEST_F(PowerLoss, WhileSegmentsArePackedLosesNothing) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  Witness witness;
  for (unsigned round = 0; round < 3 * test_rounds(); ++round) {
    engine_.start();
    {
      HttpClient client = engine_.client();
      ASSERT_TRUE(witness.ask_for_everything(client, "t" + std::to_string(round)));
    }
    ASSERT_EQ(engine_.stop(), 0);
    make_segments_small(engine_.data_directory(), 6 << 10);
    engine_.start();
    if (round % 3 == 0) {
      EXPECT_TRUE(eventually([&] { return are_packed(engine_.data_directory()); }, when_idle));
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 40));
    }
    lose_power();
    expect_all_there(engine_, witness);
    if (HasFailure()) return;
  }
}

TEST_F(PowerLoss, UnderLoadLosesNothing) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  engine_.start();
  RevocationLoad load(engine_, create_keys(engine_, 2'000), 4, RevocationLoad::Supply::endless);
  for (unsigned round = 0; round < 3 * test_rounds(); ++round) {
    const auto so_far = load.count();
    ASSERT_TRUE(eventually([&] { return load.count() > so_far + 50; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 300));
    lose_power();
    if (HasFailure()) return;
    ASSERT_NO_THROW(engine_.start());
  }
  load.stop();
  lose_power();
  EXPECT_TRUE(load.surprises().empty());
  for (int start = 0; start < 2; ++start) {
    ASSERT_NO_THROW(engine_.start());
    HttpClient client = engine_.client();
    std::set<engine::Sequence> positions;
    for (const auto& one : load.acknowledged()) {
      ASSERT_FALSE(verify(client, one.key.secret)["active"].is_true()) << one.key.key_id;
      ASSERT_EQ(state_of(client, one.key.key_id), "revoked") << to_string(one.position);
      ASSERT_TRUE(positions.insert(one.position.sequence).second) << to_string(one.position) << " repeated";
    }
    ASSERT_EQ(engine_.stop(), 0);
  }
}

}  // namespace revoked::test::power_loss_systest
