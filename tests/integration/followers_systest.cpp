// The followers of tools/gateways, each as a service behind it, all by the same rules (docs/protocol.md):
// first with an engine, then with a substitute that sends what an engine rarely sends.

#include <gtest/gtest.h>
#include <signal.h>

#include <deque>
#include <iostream>
#include <mutex>

#include "engine/base/digest.hpp"
#include "tests/support/follower_example.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::followers_systest {

using Clock = std::chrono::steady_clock;

constexpr auto short_lease = 2s;  // an engine sends a proof every second

HttpResponse ask(HttpClient& client, const std::string& secret) {
  return client.get("/anything", {{"X-API-Key", secret}});
}

// "200", or the status and the reason.
std::string verdict(HttpClient& client, const std::string& secret) {
  const auto answer = ask(client, secret);
  if (answer.status == 200) return "200";
  return std::to_string(answer.status) + " " + answer.header("X-Revoked-Reason");
}

// Clients may be asked on new connections only, since a service may close idle ones.
class Service : public testing::TestWithParam<std::string> {
 protected:
  void start(FollowerExample::Options options) { example_.emplace(GetParam(), options); }
  std::string verdict_on(const std::string& secret) {
    auto client = example_->client();
    return verdict(client, secret);
  }
  void expect_soon(const std::string& secret, const std::string& expected) {
    std::string last;
    EXPECT_TRUE(eventually([&] { return (last = verdict_on(secret)) == expected; }))
        << "not " << expected << " but " << last << '\n'
        << example_->log_text();
  }

  std::optional<FollowerExample> example_;
};

class Followers : public Service {
 protected:
  void follow(FollowerExample::Options options = {}) {
    options.engine_port = engine_.port();
    options.engine_key = engine_.master_key();
    start(options);
  }

  EngineProcess engine_{{.tls = nullptr}};
  HttpClient admin_ = engine_.client();
};

INSTANTIATE_TEST_SUITE_P(, Followers, testing::Values("python", "node", "nginx"),
                         [](const auto& parameter) { return parameter.param; });

// The only value that the service was told; empty if there is none. Names are in any letter case.
std::string told(const HttpResponse& answer, std::string_view name) {
  std::vector<std::string> values;
  std::istringstream lines(answer.body);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon != name.size() || strncasecmp(line.data(), name.data(), colon) != 0) continue;
    const auto value = line.find_first_not_of(' ', colon + 1);
    values.push_back(value == line.npos ? "" : line.substr(value, line.find('\r') - value));
  }
  EXPECT_LE(values.size(), 1u);
  return values.empty() ? "" : values.front();
}

TEST_P(Followers, TellTheServiceWhoseTheKeyIsAndTheClientWhyItIsDenied) {
  follow();
  const auto key = create_key(admin_, {{"user", "Zoë"}, {"workspace", "acme"}});
  expect_soon(key.secret, "200");
  auto client = example_->client();
  Headers forged{{"Authorization", "Bearer " + key.secret}};
  for (const std::string name : {"X-Key-Id", "X-User-Id", "X-Application-Id", "X-Workspace-Id",
                                 "X-Key-Permissions", "x_user_id", "X_Application_Id"})
    forged.emplace_back(name, "forged");
  const auto answer = client.get("/anything", forged);
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.find("forged"), std::string::npos) << answer.body;
  EXPECT_EQ(told(answer, "x-key-id"), key.key_id) << answer.body;
  EXPECT_EQ(told(answer, "x-user-id"), "Zo%C3%AB");
  EXPECT_EQ(told(answer, "x-application-id"), "");
  EXPECT_EQ(told(answer, "x-workspace-id"), "acme");
  EXPECT_EQ(told(answer, "x-key-permissions"), "");

  auto anyone = example_->client();
  const auto none = anyone.get("/anything");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.header("X-Revoked-Reason"), "missing");
  EXPECT_EQ(none.header("WWW-Authenticate"), "Bearer realm=\"revoked\"");
  EXPECT_EQ(verdict_on("rvk_unknown"), "401 unknown");
  EXPECT_EQ(verdict_on("short"), "401 unknown") << "no secret at all";
  ASSERT_EQ(admin_.request("POST", "/v1/keys/" + key.key_id + "/suspend").status, 200);
  expect_soon(key.secret, "403 suspended");
  ASSERT_EQ(admin_.request("POST", "/v1/keys/" + key.key_id + "/resume").status, 200);
  expect_soon(key.secret, "200");
}

TEST_P(Followers, PassWebSocketsAndPreflightsAsConfigured) {
  follow({.allows_preflight = true});
  const auto key = create_key(admin_);
  expect_soon(key.secret, "200");
  const Headers upgrade{{"Connection", "Upgrade"},
                        {"Upgrade", "websocket"},
                        {"Sec-WebSocket-Version", "13"},
                        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  auto denied = example_->client();
  // A server of ASGI without the extension for it answers 403 to what is closed before it is accepted.
  const auto status = denied.get("/socket", upgrade).status;
  EXPECT_TRUE(status == 401 || status == 403) << status;
  auto headers = upgrade;
  headers.emplace_back("X-API-Key", key.secret);
  auto socket = example_->client();
  socket.send(socket.format("GET", "/socket", headers));
  EXPECT_EQ(socket.receive_headers().status, 101) << example_->log_text();

  auto browser = example_->client();
  const Headers preflight{{"Origin", "https://example.com"}, {"Access-Control-Request-Method", "PUT"}};
  EXPECT_EQ(browser.request("OPTIONS", "/anything", preflight).status, 200);
  EXPECT_EQ(browser.request("OPTIONS", "/anything").status, 401);
}

TEST_P(Followers, DenyARevokedKeyAsSoonAsTheEngineTellsThem) {
  follow();
  const auto one = create_key(admin_, {{"user", "leaver"}});
  const auto two = create_key(admin_, {{"user", "leaver"}, {"application", "shop"}});
  const auto other = create_key(admin_, {{"user", "stayer"}});
  for (const auto& key : {one, two, other}) expect_soon(key.secret, "200");
  ASSERT_EQ(revoke(admin_, one.key_id).status, 200);
  const auto answered = Clock::now();
  expect_soon(one.secret, "403 revoked");
  std::cout << "denied " << std::chrono::duration<double, std::milli>(Clock::now() - answered).count()
            << " ms after the 2xx\n";
  EXPECT_EQ(verdict_on(two.secret), "200");
  ASSERT_EQ(admin_.request("PUT", "/v1/applications/shop/lock").status, 200);
  expect_soon(two.secret, "403 locked");
  ASSERT_EQ(admin_.request("DELETE", "/v1/applications/shop/lock").status, 200);
  expect_soon(two.secret, "200");
  ASSERT_EQ(revoke_owner(admin_, "user", "leaver").status, 200);
  expect_soon(two.secret, "403 revoked");
  EXPECT_EQ(verdict_on(other.secret), "200");
}

TEST_P(Followers, AllowNothingAfterALeaseWithoutProof) {
  follow({.lease = short_lease});
  const auto live = create_key(admin_);
  const auto doomed = create_key(admin_);
  for (const auto& key : {live, doomed}) expect_soon(key.secret, "200");
  engine_.process().signal(SIGSTOP);
  expect_soon(live.secret, "503 stale");
  auto client = example_->client();
  EXPECT_EQ(ask(client, live.secret).header("Retry-After"), "1");
  engine_.process().signal(SIGCONT);
  for (const auto& key : {live, doomed}) expect_soon(key.secret, "200");

  // What waits in its sockets after a pause of its own is old.
  auto waiting = example_->client();
  waiting.connect();
  example_->process().signal(SIGSTOP);
  ASSERT_EQ(revoke(admin_, doomed.key_id).status, 200);
  waiting.send(waiting.format("GET", "/anything", {{"X-API-Key", doomed.secret}}));
  std::this_thread::sleep_for(short_lease + 100ms);
  example_->process().signal(SIGCONT);
  EXPECT_NE(waiting.receive().status, 200);
  expect_soon(doomed.secret, "403 revoked");
  expect_soon(live.secret, "200");
}

TEST_P(Followers, ContinueInANewEpochAndInAnotherJournal) {
  follow();
  const auto dead = create_key(admin_);
  const auto live = create_key(admin_);
  expect_soon(live.secret, "200");
  ASSERT_EQ(revoke(admin_, dead.key_id).status, 200);
  engine_.kill();
  engine_.start();
  expect_soon(dead.secret, "403 revoked");
  expect_soon(live.secret, "200");
  auto admin = engine_.client();
  ASSERT_EQ(revoke(admin, live.key_id).status, 200);
  expect_soon(live.secret, "403 revoked");

  // Another engine at the same address, with a lower epoch and other keys.
  const auto master_key = read_file(engine_.master_key_file());
  engine_.kill();
  std::filesystem::remove_all(engine_.data_directory());
  std::filesystem::create_directories(engine_.data_directory());
  write_file(engine_.master_key_file(), master_key);
  std::filesystem::permissions(engine_.master_key_file(), std::filesystem::perms::owner_read);
  engine_.start();
  expect_soon(live.secret, "401 unknown");
  auto other_admin = engine_.client();
  const auto key = create_key(other_admin);
  expect_soon(key.secret, "200");
  ASSERT_EQ(revoke(other_admin, key.key_id).status, 200);
  expect_soon(key.secret, "403 revoked");
}

// Sends what it is told to send to whoever follows it, and heartbeats; decides about every key.
class ScriptedEngine {
 public:
  static constexpr auto journal = "k3v9x0c7q2m4ab";

  struct State {
    std::deque<std::string> messages;  // to be sent in the stream that was opened last
    int sequence = 10;                 // of the heartbeats
    bool beats = true;
    int ahead_ms = 0;                 // of the clock that the heartbeats show
    int gone = 0;                     // streams to be answered with 410
    std::vector<std::string> opened;  // the Last-Event-ID of each stream, or "none"
    std::string as_of = "3-10";
    std::string decision = "active";
    int questions = 0;
  };

  std::uint16_t port() const { return engine_.port(); }

  template <class Use>
  auto with_state(Use use) {
    std::lock_guard lock(mutex_);
    return use(state_);
  }
  void send(std::string message) {
    with_state([&](State& state) { state.messages.push_back(std::move(message)); });
  }
  // Of an engine that is at `last` from then on.
  void send(int first, int last, const std::string& events = {}) {
    with_state([&](State& state) {
      state.messages.push_back(message(first, last, "", events));
      state.sequence = last;
    });
  }
  void send_revoked(int sequence, const std::string& key_id) {
    send(sequence, sequence,
         "{\"sequence\":" + std::to_string(sequence) + ",\"type\":\"key.revoked\",\"key_id\":\"" + key_id +
             "\"}");
  }

 private:
  static std::string message(int first, int last, const std::string& members, const std::string& events) {
    return "{\"journal\":\"" + std::string(journal) + "\",\"epoch\":3,\"first\":" + std::to_string(first) +
           ",\"last\":" + std::to_string(last) + ",\"at\":\"2026-01-02T03:04:05.678Z\"" + members +
           ",\"events\":[" + events + "]}";
  }

  void handle(const FakeRequest& request, FakeEngine::Peer& peer) {
    if (request.target.starts_with("/v1/keys/verify")) return decide(request, peer);
    const auto place = request.headers.find("last-event-id");
    std::size_t number = 0;
    const bool is_gone = with_state([&](State& state) {
      state.opened.push_back(place == request.headers.end() ? "none" : place->second);
      number = state.opened.size();
      return state.gone > 0 && state.gone-- > 0;
    });
    if (is_gone) {
      peer.answer(410, R"({"code":"position_gone","position":"3-10"})", "application/problem+json");
      return peer.close();
    }
    peer.open_event_stream();
    while (peer.is_open()) {
      for (const auto& text : next(number)) peer.send_event(text);
      std::this_thread::sleep_for(20ms);
    }
    peer.close();
  }

  std::deque<std::string> next(std::size_t stream) {
    return with_state([&](State& state) {
      std::deque<std::string> out;
      if (stream == state.opened.size()) out.swap(state.messages);
      const auto up = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_).count();
      if (state.beats)
        out.push_back(message(state.sequence + 1, state.sequence,
                              ",\"up\":" + std::to_string(up + state.ahead_ms), ""));
      return out;
    });
  }

  // The secret is the id too.
  void decide(const FakeRequest& request, FakeEngine::Peer& peer) {
    const auto secret = Json::parse(request.body)["secret"].text();
    const auto body = with_state([&](State& state) {
      ++state.questions;
      return "{\"state\":\"" + state.decision + "\",\"key_id\":\"" + secret +
             "\",\"permissions\":[],\"expires_at\":null,\"as_of\":\"" + state.as_of + "\",\"journal\":\"" +
             journal + "\",\"secret_sha256\":\"" + engine::to_hex(engine::sha256(secret)) + "\"}";
    });
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
    peer.close();
  }

  const Clock::time_point started_ = Clock::now();
  std::mutex mutex_;
  State state_;
  FakeEngine engine_{[this](const FakeRequest& request, FakeEngine::Peer& peer) { handle(request, peer); }};
};

class FollowersOfAnEngine : public Service {
 protected:
  void follow(std::chrono::seconds for_long = 60s) {
    start({.engine_port = engine_.port(), .engine_key = "any", .lease = for_long});
    expect_soon(key, "200");
    EXPECT_TRUE(eventually([&] { return is_cached(); }));
  }
  template <class Change>
  void change(Change change) {
    engine_.with_state(change);
  }
  int questions() {
    return engine_.with_state([](auto& engine) { return engine.questions; });
  }
  // Whether the decision comes without a question.
  bool is_cached() { return is_cached(key, "200"); }
  bool is_cached(const std::string& secret, const std::string& decision) {
    const auto before = questions();
    EXPECT_EQ(verdict_on(secret), decision) << example_->log_text();
    return questions() == before;
  }
  bool is_opened(const std::string& place) {
    return engine_.with_state([&](auto& engine) { return engine.opened.back() == place; });
  }

  const std::string key = "the-key-itself";
  const std::string place = std::string("3-10-") + ScriptedEngine::journal;
  ScriptedEngine engine_;
};

INSTANTIATE_TEST_SUITE_P(, FollowersOfAnEngine, testing::Values("python", "node", "nginx"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(FollowersOfAnEngine, ReadAGapAgainAndServeNothingFromTheCacheMeanwhile) {
  follow();
  change([](auto& engine) { engine.beats = false; });
  engine_.send_revoked(12, key);
  EXPECT_TRUE(eventually([&] { return is_opened(place); })) << "after what it had before the gap";
  // The event after the gap counts at once: an answer from before it is no allow.
  expect_soon(key, "503 unavailable");
  change([](auto& engine) { engine.as_of = "3-12"; });
  expect_soon(key, "200");
  EXPECT_FALSE(is_cached()) << "while something is missing";
  EXPECT_FALSE(is_cached());
  engine_.send(11, 11);
  engine_.send_revoked(12, key);
  change([](auto& engine) { engine.beats = true; });
  EXPECT_TRUE(eventually([&] { return is_cached(); })) << example_->log_text();
  change([](auto& engine) { engine.decision = "revoked", engine.as_of = "3-13"; });
  engine_.send_revoked(13, key);
  expect_soon(key, "403 revoked");
}

TEST_P(FollowersOfAnEngine, KeepToADenialThatTheyCouldNotCache) {
  follow();
  engine_.send(12, 12);  // a gap
  EXPECT_TRUE(eventually([&] { return is_opened(place); }));
  change([](auto& engine) { engine.decision = "revoked", engine.as_of = "3-13"; });  // before its event
  expect_soon(key, "403 revoked");
  engine_.send(11, 12);
  EXPECT_TRUE(eventually([&] { return is_cached("another", "403 revoked"); })) << example_->log_text();
  EXPECT_EQ(verdict_on(key), "403 revoked");
}

TEST_P(FollowersOfAnEngine, EmptyTheCacheForWhatTheyDoNotKnow) {
  follow();
  const auto expect_a_question = [&](const std::string& why) {
    const auto before = questions();
    EXPECT_TRUE(eventually([&] { return verdict_on(key) == "200" && questions() > before; })) << why;
    EXPECT_TRUE(eventually([&] { return is_cached(); })) << why << example_->log_text();
  };
  change([](auto& engine) { engine.as_of = "3-12"; });
  engine_.send(11, 12, R"({"sequence":11,"type":"key.exploded"})");
  expect_a_question("an unknown event");
  EXPECT_FALSE(is_opened(place)) << "it goes on in the same stream";
  engine_.send("{\"journal\":");
  expect_a_question("an unreadable message");
  EXPECT_TRUE(is_opened("none"));
  change([](auto& engine) { engine.gone = 1, engine.as_of = "3-20"; });
  engine_.send(20, 20);
  expect_a_question("a position that is gone");
  EXPECT_TRUE(is_opened("none"));
}

TEST_P(FollowersOfAnEngine, DoNotBelieveAClockThatHasJumped) {
  follow(short_lease);
  change([](auto& engine) { engine.ahead_ms = 3'600'000; });
  // It opens the stream again, which relates the clocks anew; an hour is not added to the lease.
  EXPECT_TRUE(eventually([&] { return is_opened(place); }));
  expect_soon(key, "200");
  change([](auto& engine) { engine.beats = false; });
  expect_soon(key, "503 stale");
}

}  // namespace revoked::test::followers_systest
