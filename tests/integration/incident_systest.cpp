// docs/incident.md: its commands, in their order, print what it shows.

#include <fnmatch.h>
#include <gtest/gtest.h>

#include <regex>

#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::incident_systest {

struct Step {
  std::string commands;
  std::string output;  // as a pattern: * is any text
};

std::vector<Step> steps_of(const std::string& page) {
  static const std::regex block("```(sh|text)\n([^`]*)\n```");
  std::vector<Step> steps;
  for (std::sregex_iterator at(page.begin(), page.end(), block); at != std::sregex_iterator(); ++at) {
    if ((*at)[1] == "sh")
      steps.push_back({(*at)[2], {}});
    else if (!steps.empty())
      steps.back().output = (*at)[2];
  }
  return steps;
}

// For fnmatch(), with only * special.
std::string pattern_of(const std::string& text) {
  std::string pattern;
  for (const char c : text) {
    if (c == '[' || c == '?' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

TEST(IncidentPage, ShowsWhatItsCommandsPrint) {
  SignedBus bus;
  RedisServer redis;
  EngineProcess engine{{.redis_url = redis.url(), .arguments = bus.arguments()}};
  auto admin = engine.client();
  std::vector<std::unique_ptr<GatewayProcess>> gateways;
  for (const auto* name : {"edge-1", "edge-2", "edge-3"}) {
    gateways.push_back(std::make_unique<GatewayProcess>(
        engine, GatewayProcess::Options{{}, redis.url(), bus.arguments({"--name", name})}));
  }
  EXPECT_TRUE(eventually([&] { return admin.get("/v1/gateways").json()["gateways"].size() == 3; }));
  const auto leaked = create_key(admin, {{"user", "ann"}});
  create_key(admin, {{"user", "ann"}});
  for (auto& gateway : gateways) {
    auto client = gateway->client();
    EXPECT_EQ(check(client, leaked.secret).status, 200);
  }

  TemporaryDirectory directory;
  write_file(directory / "leaked", leaked.secret + "\n");
  const auto steps = steps_of(read_file(source_directory() / "docs/incident.md"));
  EXPECT_GE(steps.size(), 6u);
  const std::string end_of_step = "end of a step";
  std::string script = "set -euo pipefail\n";
  for (const auto& step : steps) script += step.commands + "\necho '" + end_of_step + "'\n";
  write_file(directory / "script", script);
  Process shell({.command = {"bash", directory / "script"},
                 .environment = {"engine=" + engine.url(), "key_file=" + engine.master_key_file().string(),
                                 "gateway=http://127.0.0.1:" + std::to_string(gateways[0]->port())},
                 .log = directory / "stderr",
                 .directory = directory.path()});
  auto output = shell.read_output(60s);
  EXPECT_EQ(shell.wait(10s), 0) << output << shell.description();
  std::erase(output, '\r');
  for (const auto& step : steps) {
    const auto end = output.find(end_of_step);
    auto printed = output.substr(0, end);
    if (printed.ends_with('\n')) printed.pop_back();
    output.erase(0, end == std::string::npos ? end : end + end_of_step.size() + 1);
    EXPECT_EQ(::fnmatch(pattern_of(step.output).c_str(), printed.c_str(), 0), 0)
        << step.commands << "\nprinted\n"
        << printed << "\nnot\n"
        << step.output;
  }
}

}  // namespace revoked::test::incident_systest
