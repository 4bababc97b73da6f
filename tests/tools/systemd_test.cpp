// What the programs tell systemd. A socket of the test plays it.

#include "tools/programs/systemd.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/support/service_manager.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/programs/program.hpp"
#include "tools/programs/watchdog.hpp"

namespace revoked::test::systemd_test {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using tools::ConfigurationError;
using tools::Systemd;
using tools::Watchdog;

// The environment of a program that systemd starts, until the end of the test.
class Environment {
 public:
  explicit Environment(const std::string& socket) { ::setenv("NOTIFY_SOCKET", socket.c_str(), 1); }
  ~Environment() {
    for (const char* variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(variable);
  }
  void wants_a_watchdog(std::chrono::microseconds every, pid_t pid = ::getpid()) {
    ::setenv("WATCHDOG_USEC", std::to_string(every.count()).c_str(), 1);
    ::setenv("WATCHDOG_PID", std::to_string(pid).c_str(), 1);
  }
};

TEST(Systemd, LearnsTheLifeOfAProgramAtAPath) {
  TemporaryDirectory directory;
  ServiceManager manager((directory / "notify").string());
  const Environment environment(manager.name());
  Systemd systemd;
  EXPECT_TRUE(systemd.listens());
  EXPECT_FALSE(systemd.watchdog());
  systemd.is_loading("loading: 7 keys", 2s);
  systemd.is_ready("at 1-1");
  systemd.works("at 1-2");
  systemd.stops();
  EXPECT_THAT(manager.received(),
              ElementsAre("EXTEND_TIMEOUT_USEC=2000000\nSTATUS=loading: 7 keys", "READY=1\nSTATUS=at 1-1",
                          "WATCHDOG=1\nSTATUS=at 1-2", "STOPPING=1\nSTATUS=finishing requests"));
}

TEST(Systemd, LearnsItAtAnAbstractNameToo) {
  ServiceManager manager;
  const Environment environment(manager.name());
  Systemd().is_ready("well");
  EXPECT_THAT(manager.received(), ElementsAre("READY=1\nSTATUS=well"));
}

TEST(Systemd, TakesAStatusAsOneLine) {
  ServiceManager manager;
  const Environment environment(manager.name());
  Systemd().shows("one\nSTOPPING=1");
  EXPECT_THAT(manager.received(), ElementsAre("STATUS=one STOPPING=1"));
}

TEST(Systemd, IsToldNothingWhenItDoesNotListen) {
  Systemd systemd;
  EXPECT_FALSE(systemd.listens());
  systemd.is_ready("well");
}

TEST(Systemd, IsNotFoundAtAnImpossibleAddress) {
  for (const auto& name :
       {std::string("relative"), "/" + std::string(200, 'x'), std::string("/no/such/socket")}) {
    const Environment environment(name);
    EXPECT_THROW(Systemd(), ConfigurationError) << name;
  }
}

TEST(Systemd, WatchesOnlyTheProcessThatItNames) {
  ServiceManager manager;
  Environment environment(manager.name());
  environment.wants_a_watchdog(3s);
  EXPECT_EQ(Systemd().watchdog(), 3s);
  environment.wants_a_watchdog(3s, 1);
  EXPECT_FALSE(Systemd().watchdog());
  environment.wants_a_watchdog(0s);
  EXPECT_FALSE(Systemd().watchdog());
}

// Runs the io_context until `count` messages have been received, or for `limit`.
std::vector<std::string> messages(boost::asio::io_context& io, ServiceManager& manager, std::size_t count,
                                  std::chrono::milliseconds limit) {
  std::vector<std::string> all;
  const auto end = std::chrono::steady_clock::now() + limit;
  while (all.size() < count && std::chrono::steady_clock::now() < end) {
    io.run_one_for(10ms);
    for (auto& message : manager.received()) all.push_back(std::move(message));
  }
  return all;
}

TEST(Watchdog, SpeaksOnlyWhileEveryPartWorks) {
  ServiceManager manager;
  Environment environment(manager.name());
  environment.wants_a_watchdog(20ms);
  boost::asio::io_context io(1);
  Systemd systemd;
  std::uint64_t steps = 0, looks = 0;
  bool hangs = false;
  const Watchdog watchdog(
      io, systemd, {{"one", [&] { return ++looks; }}, {"two", [&] { return hangs ? steps : ++steps; }}},
      [] { return "well"; }, 0ms);
  const std::string works = "WATCHDOG=1\nSTATUS=well";
  EXPECT_THAT(messages(io, manager, 2, 30s), ElementsAre(works, works));
  hangs = true;
  const auto before = looks;
  while (looks < before + 3) io.run_one_for(1s);
  EXPECT_THAT(manager.received(), IsEmpty());
  hangs = false;
  EXPECT_THAT(messages(io, manager, 1, 30s), ElementsAre(works));
}

}  // namespace revoked::test::systemd_test
