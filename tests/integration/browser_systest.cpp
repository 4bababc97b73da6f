// A browser's EventSource, through nginx, which adds the credential that a page cannot send.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "tests/support/fake_engine.hpp"
#include "tests/support/nginx_server.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::browser_systest {

// Reports what it receives.
const std::string page = R"(<!doctype html><script>
const tell = (text) => fetch('/told', {method: 'POST', body: text});
for (const name of ['watch', 'invalidations']) {
  const source = new EventSource('/' + name);
  source.onopen = () => tell(name + ' open');
  source.onerror = () => tell(name + (source.readyState === EventSource.CLOSED ? ' closed' : ' connecting'));
  source.onmessage = (event) => tell(name + ' message ' + event.data);
  source.addEventListener('denied', (event) => tell(name + ' denied ' + event.data));
}
</script>)";

std::string config(const CreatedKey& key, const EngineProcess& engine, const GatewayProcess& gateway,
                   const FakeEngine& service) {
  const auto route = [](const std::string& path, const std::string& credential, const std::string& to) {
    return "    location = " + path + " {\n      proxy_set_header Authorization \"Bearer " + credential +
           "\";\n      proxy_pass " + to + ";\n    }\n";
  };
  return "  server {\n    listen 127.0.0.1:$PORT;\n" +
         route("/watch", key.secret, "http://127.0.0.1:" + std::to_string(gateway.port())) +
         route("/invalidations", engine.master_key(), engine.url() + "/v1/invalidations") +
         "    location / { proxy_pass http://127.0.0.1:" + std::to_string(service.port()) + "; }\n  }\n";
}

class Browser : public testing::Test {
 protected:
  void serve(const FakeRequest& request, FakeEngine::Peer& peer) {
    if (request.method != "POST") return peer.answer(200, page, "text/html");
    const std::lock_guard lock(mutex_);
    told_.push_back(request.body);
    peer.answer(200, "{}");
  }
  // Whether the page has received something that contains all of these.
  bool is_told(const std::vector<std::string>& parts) {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(told_, [&](const std::string& text) {
      return std::ranges::all_of(parts,
                                 [&](const auto& part) { return text.find(part) != std::string::npos; });
    });
  }
  bool becomes_told(const std::vector<std::string>& parts) {
    return eventually([&] { return is_told(parts); }, 60s);
  }

  std::mutex mutex_;
  std::vector<std::string> told_;
  FakeEngine service_{[this](const FakeRequest& request, FakeEngine::Peer& peer) { serve(request, peer); }};
};

TEST_F(Browser, FollowsTheFeedAndAWatchThroughNginx) {
  if (std::system("command -v chromium >/dev/null") != 0) GTEST_SKIP() << "there is no chromium";
  EngineProcess engine;
  GatewayProcess gateway(engine);
  HttpClient admin = engine.client();
  const auto key = create_key(admin);
  NginxServer nginx(config(key, engine, gateway, service_));
  TemporaryDirectory directory;
  Process chromium({.command = {"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                                "--disable-dev-shm-usage", "--disable-background-networking",
                                "--remote-debugging-port=0", "--user-data-dir=" + directory.path().string(),
                                "http://127.0.0.1:" + std::to_string(nginx.port()) + "/page"},
                    .environment = {"HOME=" + directory.path().string()},
                    .log = directory / "chromium.log",
                    .own_group = true});
  const auto context = [&] { return chromium.description() + nginx.error_log() + gateway.log_text(); };
  ASSERT_TRUE(becomes_told({"watch open"})) << context();
  ASSERT_TRUE(becomes_told({"invalidations message", "\"events\":[]"})) << context();
  EXPECT_FALSE(is_told({"denied"}));
  ASSERT_EQ(revoke(admin, key.key_id).status, 200);
  EXPECT_TRUE(becomes_told({"watch denied revoked"})) << context();
  EXPECT_TRUE(becomes_told({"invalidations message", "key.revoked", key.key_id})) << context();
  EXPECT_TRUE(becomes_told({"watch closed"})) << "it tries again, and is answered 403";
  chromium.signal(SIGTERM);
  EXPECT_TRUE(chromium.wait(20s)) << chromium.description();
}

}  // namespace revoked::test::browser_systest
