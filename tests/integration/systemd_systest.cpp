// The programs under systemd, which the test plays: when they are ready, that they work, that they stop.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <fstream>

#include "tests/support/revoked_programs.hpp"
#include "tests/support/service_manager.hpp"

namespace revoked::test::systemd_systest {

using testing::HasSubstr;
using testing::StartsWith;

constexpr auto watchdog = 600ms;

// A program that systemd has started.
class Service {
 public:
  Service(std::vector<std::string> command, const std::string& watchdog_us)
      : process_({.command = std::move(command),
                  .environment = {"NOTIFY_SOCKET=" + manager_.name(), "WATCHDOG_USEC=" + watchdog_us},
                  .log = directory_ / "log",
                  .directory = directory_.path()}) {}
  explicit Service(std::vector<std::string> command)
      : Service(std::move(command), std::to_string(std::chrono::microseconds(watchdog).count())) {}

  // The next message that begins so; empty if none comes within the limit. Others are skipped.
  std::string message(std::string_view prefix, std::chrono::milliseconds limit = 30s) {
    std::string found;
    eventually(
        [&] {
          for (auto& message : manager_.received())
            if (found.empty() && message.starts_with(prefix)) found = message;
          return !found.empty();
        },
        limit);
    return found;
  }
  Process& process() { return process_; }

 private:
  TemporaryDirectory directory_;
  ServiceManager manager_;
  Process process_;
};

TEST(SystemdService, EngineIsReadyWorksAndStops) {
  Service engine({program("revoked"), "--listen", "127.0.0.1:0", "--data-dir", "d"});
  EXPECT_THAT(engine.message("READY=1"), HasSubstr("STATUS=at position 1-1, gateways: 0"));
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(engine.message("WATCHDOG=1"), HasSubstr("STATUS=at position 1-1, gateways: 0"));
  engine.process().signal(SIGTERM);
  EXPECT_THAT(engine.message("STOPPING=1"), StartsWith("STOPPING=1\nSTATUS="));
  EXPECT_EQ(engine.process().wait(30s), 0);
}

TEST(SystemdService, GatewayIsReadyWorksAndStops) {
  const EngineProcess engine;
  std::vector<std::string> command{program("revoked-gateway"),
                                   "--listen",
                                   "127.0.0.1:0",
                                   "--engine",
                                   engine.url(),
                                   "--engine-key-file",
                                   engine.master_key_file().string()};
  if (engine.tls() != nullptr)
    command.insert(command.end(), {"--engine-ca-file", engine.tls()->ca().string()});
  Service gateway(command);
  EXPECT_THAT(gateway.message("READY=1"), HasSubstr("STATUS=current at position 1-1"));
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(gateway.message("WATCHDOG=1"), HasSubstr("STATUS=current at position 1-1"));
  gateway.process().signal(SIGTERM);
  EXPECT_THAT(gateway.message("STOPPING=1"), StartsWith("STOPPING=1\nSTATUS="));
  EXPECT_EQ(gateway.process().wait(30s), 0);
}

// Stops one thread of a program, as a debugger does, while the others run.
class StoppedThread {
 public:
  StoppedThread(pid_t process, const std::string& name) {
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
      std::string comm;
      std::getline(std::ifstream(entry.path() / "comm"), comm);
      if (comm == name) thread_ = std::stoi(entry.path().filename().string());
    }
    stopped_ = thread_ != 0 && ::ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) == 0 &&
               ::ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) == 0 &&
               ::waitpid(thread_, nullptr, __WALL) == thread_;
  }
  ~StoppedThread() {
    if (stopped_) ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
  }
  bool is_stopped() const { return stopped_; }

 private:
  pid_t thread_ = 0;
  bool stopped_ = false;
};

TEST(SystemdService, EngineWithAHangingThreadDoesNotClaimToWork) {
  Service engine({program("revoked"), "--listen", "127.0.0.1:0", "--data-dir", "d"});
  ASSERT_THAT(engine.message("READY=1"), StartsWith("READY=1"));
  for (const char* name : {"network", "bus"}) {
    const StoppedThread thread(engine.process().pid(), name);
    if (!thread.is_stopped()) GTEST_SKIP() << "no thread may be stopped here";
    EXPECT_TRUE(eventually(
        [&] {
          const auto log = engine.process().log_text();
          return log.find("a part of the program hangs") != log.npos &&
                 log.find(name, log.find("a part of the program hangs")) != log.npos;
        },
        30s));
    engine.message("WATCHDOG=1", 0ms);  // from before
    EXPECT_EQ(engine.message("WATCHDOG=1", 2 * watchdog), "") << name;
  }
  EXPECT_THAT(engine.message("WATCHDOG=1"), StartsWith("WATCHDOG=1")) << "after the threads have gone on";
}

}  // namespace revoked::test::systemd_systest
