// tools/run as a new user runs it, on other ports and in another directory.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test::tools_run_systest {

class ToolsRun : public testing::Test {
 protected:
  Process start() {
    return Process({.command = {source_directory() / "tools/run"},
                    .environment = {"REVOKED_RUN_PORT=" + std::to_string(port_.number()),
                                    "REVOKED_RUN_GATEWAY_PORT=" + std::to_string(gateway_port_.number()),
                                    "REVOKED_RUN_DATA=" + data_.string(),
                                    "REVOKED_RUN_BIN=" + program("revoked").parent_path().string(),
                                    "TMPDIR=" + directory_.path().string()},
                    .log = directory_ / "stderr",
                    .directory = directory_.path(),
                    .own_group = true});
  }
  std::string ready_line() const {
    return "revoked is ready on http://127.0.0.1:" + std::to_string(port_.number());
  }

  // Processes of this run, found by their environment or their directory: Redis hides its arguments and
  // environment.
  std::vector<pid_t> processes() const {
    std::vector<pid_t> out;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
      const std::string environment = read_file(entry.path() / "environ");
      std::error_code gone;
      const std::string place = std::filesystem::read_symlink(entry.path() / "cwd", gone);
      if (environment.find("REVOKED_RUN_DATA=" + data_.string()) != std::string::npos ||
          place.starts_with(directory_.path().string())) {
        out.push_back(std::stoi(name));
      }
    }
    return out;
  }

  TemporaryDirectory directory_;
  std::filesystem::path data_ = directory_ / "data";
  ReservedPort port_;
  ReservedPort gateway_port_;
};

TEST_F(ToolsRun, DemonstratesItselfStopsCleanlyAndFindsItsKeysAgain) {
  for (const bool again : {false, true}) {
    Process run = start();
    if (again) {
      ASSERT_TRUE(run.wait_for_line("Keys of the previous start:", 120s)) << run.description();
    }
    ASSERT_TRUE(run.wait_for_line("created key ", 120s)) << run.description();
    ASSERT_TRUE(run.wait_for_line("the gateway allows it: 200", 60s)) << run.description();
    ASSERT_TRUE(run.wait_for_line("the gateway denies it: 403, first ", 60s)) << run.description();
    ASSERT_TRUE(run.wait_for_line("receipt of ", 60s).value_or("").find(": 3/3 gateways deny it") !=
                std::string::npos)
        << run.description();
    for (const auto* const name :
         {"  edge-1  applied  after ", "  edge-2  applied  after ", "  edge-3  applied  after "})
      ASSERT_TRUE(run.wait_for_line(name, 60s)) << run.description();
    ASSERT_EQ(run.wait_for_line("revoked is ready on ", 60s), ready_line()) << run.description();
    EXPECT_EQ(HttpClient(port_.number()).get("/readyz").status, 200);
    EXPECT_EQ(HttpClient(gateway_port_.number()).get("/readyz").status, 200);
    EXPECT_GE(processes().size(), 6u);  // the script itself, Redis, engine, gateways
    run.signal(SIGINT);                 // to its process group, as a terminal does for Ctrl-C
    EXPECT_EQ(run.wait(60s), 0) << run.description();
    EXPECT_TRUE(processes().empty());
    EXPECT_FALSE(accepts_connections(port_.number()));
    EXPECT_FALSE(accepts_connections(gateway_port_.number()));
  }
}

TEST_F(ToolsRun, RefusesAPortThatIsInUseWithOneLine) {
  EngineProcess other;
  Process run({.command = {source_directory() / "tools/run"},
               .environment = {"REVOKED_RUN_PORT=" + std::to_string(other.port()),
                               "REVOKED_RUN_GATEWAY_PORT=" + std::to_string(gateway_port_.number()),
                               "REVOKED_RUN_DATA=" + data_.string(),
                               "REVOKED_RUN_BIN=" + program("revoked").parent_path().string()},
               .log = directory_ / "stderr",
               .directory = directory_.path()});
  EXPECT_EQ(run.wait(60s), 1);
  EXPECT_EQ(std::ranges::count(run.log_text(), '\n'), 1) << run.log_text();
  EXPECT_NE(run.log_text().find(std::to_string(other.port())), std::string::npos);
}

TEST_F(ToolsRun, SaysWhichProgramEndedAndStopsTheRest) {
  Process run = start();
  ASSERT_TRUE(run.wait_for_line("revoked is ready on ", 120s)) << run.description();
  for (const pid_t process : processes()) {
    const std::string command = read_file("/proc/" + std::to_string(process) + "/cmdline");
    if (command.find("revoked-gateway") != std::string::npos) ::kill(process, SIGKILL);
  }
  EXPECT_EQ(run.wait(60s), 1) << run.description();
  EXPECT_NE(run.log_text().find("exited unexpectedly"), std::string::npos) << run.log_text();
  EXPECT_TRUE(processes().empty());
}

TEST_F(ToolsRun, LeavesNoProcessWhenItIsKilled) {
  Process run = start();
  ASSERT_TRUE(run.wait_for_line("revoked is ready on ", 120s)) << run.description();
  ::kill(run.pid(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return processes().empty(); }, 60s));
}

}  // namespace revoked::test::tools_run_systest
