// Disks that fail, are full, read-only or slow. For the log: nothing is acknowledged any more, the engine
// logs the reason and exits, and everything acknowledged is there once the disk works. For files that are
// built from the log: only these are affected.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "tests/support/small_disk.hpp"
#include "tests/support/strace.hpp"
#include "tests/support/witness.hpp"

namespace revoked::test::disk_faults_systest {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Polls /readyz, and has the last answer.
class ReadyWatcher {
 public:
  explicit ReadyWatcher(std::uint16_t port) : thread_([this, port] { run(port); }) {}
  ~ReadyWatcher() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  bool was_unready() const { return was_unready_; }

 private:
  void run(std::uint16_t port) {
    HttpClient client(port);
    while (!stopping_) {
      try {
        if (client.get("/readyz").status == 503) was_unready_ = true;
      } catch (const ConnectionFailed&) {
      }
      std::this_thread::sleep_for(500us);  // the rate of the polls
    }
  }
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> was_unready_ = false;
  std::thread thread_;
};

class DiskFaults : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(engine_.stop(), 0); }

  fs::path log_segment() const { return engine_.data_directory() / "log/00000001.segment"; }
  fs::path index() const { return engine_.data_directory() / "index"; }

  HttpClient start_and_work() {
    engine_.start();
    HttpClient client = engine_.client();
    EXPECT_TRUE(witness_.ask_for_everything(client, "before")) << engine_.log_text();
    return client;
  }

  // From now on, until heal(), calls of a running engine on a file fail or wait.
  void have(const std::string& calls, const std::string& injection, const std::vector<std::string>& paths) {
    tracer_.emplace(Strace{calls, injection, paths}, engine_.process().pid());
  }
  void heal() { tracer_.reset(); }

  // Locks owners, which is allowed at low disk space as well, until one fails. Whether nothing was
  // acknowledged after that.
  bool lock_until_it_fails(HttpClient& client) {
    for (int i = 0; i < 20'000; ++i) {
      if (witness_.lock(client, "somebody-" + std::to_string(i))) continue;
      return !witness_.lock(client, "somebody-after") && !witness_.revoke(client, "before-7");
    }
    ADD_FAILURE() << "nothing fails";
    return false;
  }

  // After the log has failed: what the engine logs, that it was not ready, and that it exits.
  void expect_it_goes(ReadyWatcher& watcher, const std::string& reason) {
    EXPECT_EQ(engine_.process().wait(20s), 1) << engine_.process().description();
    const auto log = engine_.log_text();
    const auto line = log.find("nothing more is acknowledged");
    ASSERT_NE(line, log.npos) << log;
    EXPECT_EQ(log.find("nothing more is acknowledged", line + 1), log.npos) << "logged twice: " << log;
    const auto end = log.find('\n', line);
    EXPECT_THAT(log.substr(line, end - line),
                testing::AllOf(HasSubstr(log_segment().string()), HasSubstr(reason)));
    watcher.stop();
    EXPECT_TRUE(watcher.was_unready());
  }
  void expect_all_there() { test::expect_all_there(engine_, witness_); }

  EngineProcess engine_;
  std::optional<AttachedStrace> tracer_;
  Witness witness_;
};

struct Fault {
  std::string calls;
  std::string error;
  std::string reason;
};

// The log.

class LogFaults : public DiskFaults, public testing::WithParamInterface<Fault> {};

TEST_P(LogFaults, EndTheEngineWithOneLineAndLoseNothing) {
  if (!can_trace()) GTEST_SKIP() << why_not_traced;
  HttpClient client = start_and_work();
  ReadyWatcher watcher(engine_.port());
  have(GetParam().calls, "error=" + GetParam().error + ":when=20+", {log_segment()});
  EXPECT_TRUE(lock_until_it_fails(client));
  expect_it_goes(watcher, GetParam().reason);
  heal();
  expect_all_there();
}

INSTANTIATE_TEST_SUITE_P(All, LogFaults,
                         testing::Values(Fault{"pwrite64", "EIO", "Input/output error"},
                                         Fault{"pwrite64", "ENOSPC", "No space left on device"}));

class SmallDiskFaults : public DiskFaults {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(DiskFaults::SetUp());
    fs::remove_all(engine_.data_directory());
    fs::create_directories(engine_.data_directory());
    disk_.emplace(engine_.data_directory(), size);
    if (!disk_->is_mounted()) GTEST_SKIP() << SmallDisk::why_not;
  }

  static constexpr auto size = "64m";
  std::optional<SmallDisk> disk_;
};

// The last write before the disk is full is a short one.
TEST_F(SmallDiskFaults, AFullDiskEndsTheEngineAndWithSpaceItGoesOn) {
  HttpClient client = start_and_work();
  ReadyWatcher watcher(engine_.port());
  // Another file fills it; the rest is not a whole number of blocks of the log.
  disk_->fill(68 << 10);
  EXPECT_TRUE(lock_until_it_fails(client));
  expect_it_goes(watcher, "No space left on device");

  // Still full: it does not start, or starts and exits, with a reason; it never ends with a signal.
  try {
    engine_.start();
    engine_.stop();
  } catch (const std::runtime_error&) {
    EXPECT_EQ(engine_.process().wait(20s), 1) << engine_.process().description();
    EXPECT_THAT(engine_.log_text(), HasSubstr("No space left on device"));
  }
  disk_->empty();
  expect_all_there();
}

TEST_F(SmallDiskFaults, ADirectoryThatCannotBeWrittenIsNamed) {
  start_and_work();
  ASSERT_EQ(engine_.stop(), 0);
  ASSERT_TRUE(disk_->remount(size, MS_RDONLY));
  EXPECT_THROW(engine_.start(), std::runtime_error);
  EXPECT_EQ(engine_.process().wait(20s), 1) << engine_.process().description();
  EXPECT_THAT(engine_.log_text(), testing::AllOf(HasSubstr(engine_.data_directory().string()),
                                                 HasSubstr("Read-only file system")));
  ASSERT_TRUE(disk_->remount(size));
  expect_all_there();
}

TEST_F(DiskFaults, AWriteThatIsCutShortIsNoAcknowledgement) {
  // The file of the log cannot grow beyond this: the next allocation fails, as on a full disk.
  engine_.options().file_size_limit_bytes = 1 << 20;
  engine_.start();
  HttpClient client = engine_.client();
  ReadyWatcher watcher(engine_.port());
  ASSERT_TRUE(witness_.ask_for_everything(client, "before"));
  const auto fat = R"(,"metadata":{"x":")" + std::string(4'000, 'x') + "\"}";
  for (int i = 0; witness_.import(client, "many" + std::to_string(i), 20, fat); ++i) {
  }
  expect_it_goes(watcher, "File too large");
  engine_.options().file_size_limit_bytes.reset();
  expect_all_there();
}

TEST_F(DiskFaults, ASlowLogHoldsUpAnswersToChangesAndNoReads) {
  if (!can_trace()) GTEST_SKIP() << why_not_traced;
  HttpClient client = start_and_work();
  const CreatedKey doomed{"before-5", "secret-of-before-5"};
  have("pwrite64", "delay_enter=1s", {log_segment()});
  const auto begun = std::chrono::steady_clock::now();
  std::atomic<bool> answered = false;
  std::thread change([&] {
    HttpClient other = engine_.client();
    EXPECT_TRUE(witness_.revoke(other, doomed.key_id));
    answered = true;
  });
  EXPECT_TRUE(eventually([&] { return !verify(client, doomed.secret)["active"].is_true(); }));
  EXPECT_FALSE(answered);
  int reads = 0;
  std::chrono::steady_clock::duration slowest{};
  while (!answered) {
    const auto asked = std::chrono::steady_clock::now();
    EXPECT_EQ(verify(client, doomed.secret)["state"].text(), "revoked");
    EXPECT_EQ(state_of(client, "before-3"), "active");
    slowest = std::max(slowest, std::chrono::steady_clock::now() - asked);
    ++reads;
  }
  change.join();
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 900ms);
  EXPECT_LT(slowest, 500ms) << reads;
  EXPECT_GT(reads, 3);
  heal();
  engine_.kill();
  expect_all_there();
}

// Files that are built from the log.

TEST_F(DiskFaults, AnIndexThatCannotBeWrittenCostsNoChange) {
  if (!can_trace()) GTEST_SKIP() << why_not_traced;
  HttpClient client = start_and_work();
  std::vector<std::string> files{index()};
  for (int number = 1; number < 60; ++number) {
    auto digits = std::to_string(number);
    files.push_back(index() / (std::string(6 - digits.size(), '0') + digits + ".sst"));
  }
  for (const auto& entry : fs::directory_iterator(index())) files.push_back(entry.path());
  have("write,fdatasync,fsync", "error=EIO", files);
  ASSERT_TRUE(witness_.ask_for_everything(client, "meanwhile"));
  EXPECT_EQ(client.get("/readyz").status, 200);
  EXPECT_EQ(engine_.stop(), 0) << engine_.process().description();  // its flush fails now at the latest
  heal();
  expect_all_there();
}

TEST_F(DiskFaults, ACheckpointThatCannotBeWrittenCostsOnlyItself) {
  if (!can_trace()) GTEST_SKIP() << why_not_traced;
  engine_.options().arguments = {"--checkpoint-after", "10"};
  engine_.start();
  HttpClient client = engine_.client();
  const auto tables = engine_.data_directory() / "tables";
  have("pwrite64,fsync,fdatasync", "error=ENOSPC", {tables.string() + ".new"});
  ASSERT_TRUE(witness_.ask_for_everything(client, "before"));
  ASSERT_TRUE(witness_.ask_for_everything(client, "meanwhile"));
  EXPECT_EQ(client.get("/readyz").status, 200);
  EXPECT_EQ(engine_.stop(), 0) << engine_.process().description();  // tries it now at the latest
  EXPECT_FALSE(fs::exists(tables));
  heal();
  expect_all_there();
  EXPECT_TRUE(fs::exists(tables));
}

TEST_F(DiskFaults, AnIndexThatCannotBeOpenedIsMadeAgain) {
  start_and_work();
  ASSERT_EQ(engine_.stop(), 0);
  for (const auto& entry : fs::directory_iterator(index())) {
    if (entry.path().extension() == ".sst") write_file(entry.path(), "nothing");
  }
  expect_all_there();
}

}  // namespace revoked::test::disk_faults_systest
