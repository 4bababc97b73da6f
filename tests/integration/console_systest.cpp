// The console: its files over HTTP, and in Chromium (tests/console).

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <set>

#include "tests/support/node_packages.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::console_systest {

constexpr std::size_t most_bytes = 150'000;  // of all files together

// What the files refer to, from /console/ on.
std::set<std::string> names_in(const std::string& text, const std::string& before) {
  std::set<std::string> names;
  for (auto at = text.find(before); at != std::string::npos; at = text.find(before, at + 1)) {
    const auto begin = at + before.size();
    names.insert(text.substr(begin, text.find_first_of("\"'", begin) - begin));
  }
  return names;
}

TEST(Console, IsConfinedAndWholeAndSmall) {
  EngineProcess engine({.tls = nullptr});
  HttpClient client(engine.port());
  const auto page = client.get("/console");
  ASSERT_EQ(page.status, 200);
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(client.get("/console/").body, page.body);
  const auto policy = page.header("Content-Security-Policy");
  for (const auto* part :
       {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
        "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"}) {
    EXPECT_NE(policy.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  auto bytes = page.body.size();
  const auto files = names_in(page.body, "\"/console/");
  EXPECT_GT(files.size(), 20U);
  for (const auto& name : files) {
    const auto file = client.get("/console/" + name);
    ASSERT_EQ(file.status, 200) << name;
    bytes += file.body.size();
    EXPECT_EQ(file.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(file.header("Referrer-Policy"), "no-referrer");
    EXPECT_EQ(file.header("Content-Security-Policy"), policy);
    for (const auto& imported : names_in(file.body, "from './")) {
      EXPECT_TRUE(files.contains(imported))
          << name << " imports " << imported << ", which the page does not preload";
    }
  }
  EXPECT_LT(bytes, most_bytes);
  std::cout << files.size() + 1 << " files of " << bytes << " bytes\n";
  EXPECT_EQ(client.get("/console/README.md").status, 404);
  EXPECT_EQ(client.get("/console/app.js/more").status, 404);
}

TEST(Console, IsAskedForAgainOnlyWhenItHasChanged) {
  EngineProcess engine({.tls = nullptr});
  HttpClient client(engine.port());
  const auto script = client.get("/console/app.js");
  EXPECT_EQ(script.header("Content-Type"), "text/javascript; charset=utf-8");
  const auto tag = script.header("ETag");
  ASSERT_EQ(tag.size(), 34U);
  const auto unchanged = client.get("/console/app.js", {{"If-None-Match", "\"other\", W/" + tag}});
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.header("ETag"), tag);
  EXPECT_EQ(client.get("/console/app.js", {{"If-None-Match", "\"other\""}}).status, 200);
  const auto head = client.request("HEAD", "/console/app.js");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), std::to_string(script.body.size()));
  EXPECT_EQ(client.request("POST", "/console").status, 405);
}

TEST(Console, WorksInABrowser) {
  if (std::system("command -v chromium >/dev/null") != 0) GTEST_SKIP() << "there is no chromium";
  TemporaryDirectory directory;
  RedisServer redis;
  EngineProcess engine({.redis_url = redis.url(), .tls = nullptr});
  std::vector<std::unique_ptr<GatewayProcess>> gateways;
  for (const auto* name : {"edge-1", "edge-2", "edge-3"}) {
    gateways.push_back(std::make_unique<GatewayProcess>(
        engine,
        GatewayProcess::Options{.redis_url = redis.url(), .arguments = {"--name", name}, .tls = nullptr}));
  }
  const auto number = [](auto value) { return std::to_string(value); };
  Process browser({.command = {"node", source_directory() / "tests/console/main.js"},
                   .environment = {"NODE_PATH=" + node_packages().string(),
                                   "HOME=" + directory.path().string(), "TMPDIR=" + directory.path().string(),
                                   "ENGINE=" + engine.url(), "MASTER_KEY=" + engine.master_key(),
                                   "GATEWAY=http://127.0.0.1:" + number(gateways.front()->port()),
                                   "LAST_GATEWAY=" + number(gateways.back()->process().pid())},
                   .log = directory / "browser.log",
                   .own_group = true});
  const auto output = browser.read_output(240s);
  std::cout << output;
  EXPECT_EQ(browser.wait(20s), 0) << browser.description();
  EXPECT_NE(output.find("passed\n"), std::string::npos) << browser.log_text();
}

}  // namespace revoked::test::console_systest
