// Webhooks of a whole engine: who is told, in which order, and who waits for nobody.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "tests/support/fake_engine.hpp"
#include "tests/support/node_packages.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/rfc3339.hpp"

namespace revoked::test::webhooks_systest {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const std::string secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

class Webhooks : public testing::Test {
 protected:
  struct Hook {
    std::uint16_t port;
    std::string events = R"("key.revoked", "owner.revoked")";
    std::string more{};  // members
  };

  // The engine's arguments.
  std::vector<std::string> configure(const std::vector<Hook>& hooks) {
    write_file(directory_ / "secret", secret + "\n");
    std::string toml;
    for (const auto& hook : hooks) {
      toml += "[[webhook]]\nurl = \"http://127.0.0.1:" + std::to_string(hook.port) + "/path?query=1\"\n" +
              "secret_file = \"" + (directory_ / "secret").string() + "\"\nevents = [" + hook.events + "]\n" +
              hook.more + "\n";
    }
    write_file(directory_ / "webhooks.toml", toml);
    return {"--webhooks-file", directory_ / "webhooks.toml"};
  }

  TemporaryDirectory directory_;
};

// Keeps what it is sent; answers with a status.
class Receiver {
 public:
  enum class Connections { closed, kept };
  explicit Receiver(int status = 200, Connections connections = Connections::closed)
      : status_(status), server_([this, connections](const FakeRequest& request, FakeEngine::Peer& peer) {
          {
            const std::lock_guard lock(mutex_);
            ids_.push_back(request.headers.at("webhook-id"));
            bodies_.push_back(Json::parse(request.body));
            target_ = request.target;
          }
          if (status_ == 0) return peer.wait_until_closed();
          peer.send("HTTP/1.1 " + std::to_string(status_) + " Any\r\nLocation: http://127.0.0.1:" +
                    std::to_string(elsewhere) + "/\r\nContent-Length: 2\r\n\r\nOK");
          ++answered_;
          if (connections == Connections::closed) peer.close();
        }) {}

  std::uint16_t port() const { return server_.port(); }
  int connections() const { return server_.connections(); }
  int answered() const { return answered_; }
  void cut_connections() { server_.cut_connections(); }
  void answer(int status) { status_ = status; }
  std::vector<std::string> ids() {
    const std::lock_guard lock(mutex_);
    return ids_;
  }
  std::vector<Json> bodies() {
    const std::lock_guard lock(mutex_);
    return bodies_;
  }
  std::string target() {
    const std::lock_guard lock(mutex_);
    return target_;
  }
  std::uint16_t elsewhere = 0;

 private:
  std::atomic<int> status_;  // 0: none
  std::atomic<int> answered_{0};
  std::mutex mutex_;
  std::vector<std::string> ids_;
  std::vector<Json> bodies_;
  std::string target_;
  FakeEngine server_;
};

TEST_F(Webhooks, AreToldInOrderWhatWasRevoked) {
  Receiver receiver;
  EngineProcess engine({.arguments = configure({{receiver.port()}})});
  auto admin = engine.client();
  const auto key = create_key(admin, {{"user", "ann"}});
  const auto answer = admin.request("DELETE", "/v1/keys/" + key.key_id + "?reason=leaked");
  revoke_owner(admin, "user", "bob");
  create_key(admin, {{"user", "bob"}});
  const auto owner = revoke_owner(admin, "user", "bob");
  ASSERT_TRUE(eventually([&] { return receiver.bodies().size() == 2; })) << engine.log_text();
  const auto bodies = receiver.bodies();
  EXPECT_EQ(bodies[0]["type"].text(), "key.revoked");
  EXPECT_FALSE(bodies[0]["timestamp"].text().empty());
  const auto& data = bodies[0]["data"];
  EXPECT_EQ(data["key_id"].text(), key.key_id);
  EXPECT_EQ(data["user"].text(), "ann");
  EXPECT_EQ(data["reason"].text(), "leaked");
  EXPECT_EQ(data["actor"].text(), "master");
  EXPECT_EQ(data["position"].text(), answer.header("Revocation-Position"));
  EXPECT_EQ(bodies[1]["type"].text(), "owner.revoked");
  EXPECT_EQ(bodies[1]["data"]["scope"].text(), "user");
  EXPECT_EQ(bodies[1]["data"]["id"].text(), "bob");
  EXPECT_EQ(bodies[1]["data"]["position"].text(), owner.header("Revocation-Position"));
  EXPECT_EQ(receiver.target(), "/path?query=1");
  EXPECT_EQ(engine.log_text().find(secret), std::string::npos);
}

TEST_F(Webhooks, AreToldWhichKeysWereRevokedBecauseTheirSecretsLeaked) {
  Receiver both;
  Receiver only;
  EngineProcess engine({.arguments = configure({{both.port(), R"("key.revoked", "key.exposed")"},
                                                {only.port(), R"("key.exposed")"}})});
  auto admin = engine.client();
  const auto by_id = create_key(admin);
  const auto by_secret = create_key(admin, {{"user", "ann"}});
  const auto in_bulk = create_key(admin);
  const auto report = [&](Members members) {
    return admin.request("POST", "/v1/keys/revoke", {}, json_object(members)).status;
  };
  revoke(admin, by_id.key_id);
  EXPECT_EQ(report({{"secret", by_secret.secret}, {"reason", "found"}}), 200);
  EXPECT_EQ(report({{"secret", by_secret.secret}}), 200) << "once is enough";
  const auto line = json_object({{"secret", in_bulk.secret}}) + "\n";
  EXPECT_EQ(admin.request("POST", "/v1/revocations", {}, line).status, 200);
  ASSERT_TRUE(eventually([&] { return both.bodies().size() == 5 && only.bodies().size() == 2; }))
      << engine.log_text();
  std::vector<std::string> told;
  for (const auto& body : both.bodies()) told.push_back(body["type"].text() + body["data"]["key_id"].text());
  EXPECT_EQ(told, (std::vector<std::string>{"key.revoked" + by_id.key_id, "key.revoked" + by_secret.key_id,
                                            "key.exposed" + by_secret.key_id, "key.revoked" + in_bulk.key_id,
                                            "key.exposed" + in_bulk.key_id}));
  const auto ids = both.ids();
  EXPECT_EQ(ids[2], ids[1] + "_exposed");
  EXPECT_EQ(only.ids(), (std::vector<std::string>{ids[2], ids[4]}));
  const auto data = only.bodies()[0]["data"];
  EXPECT_EQ(data["user"].text(), "ann");
  EXPECT_EQ(data["reason"].text(), "found");
  EXPECT_EQ(data["position"].text(), both.bodies()[1]["data"]["position"].text());
}

TEST_F(Webhooks, AreToldOfKeysThatExpireAlsoAfterACrash) {
  Receiver receiver;
  EngineProcess engine({.arguments = configure({{receiver.port(), R"("key.expiring", "key.expired")",
                                                 "expiring_before = \"1h\"\n"}})});
  const auto told = [&] {
    std::vector<std::string> all;
    for (const auto& body : receiver.bodies())
      all.push_back(body["type"].text() + body["data"]["key_id"].text());
    return all;
  };
  const auto in = [](std::chrono::milliseconds time) {
    return rfc3339(engine::now_unix_ms() + time.count());
  };
  const auto create = [&](std::string_view user, const std::string& expires_at) {
    auto admin = engine.client();
    return create_key(admin, {{"user", user}, {"name", "CI"}, {"expires_at", expires_at}}).key_id;
  };
  const auto end = in(2s);
  const auto first = create("ann", end);
  create("bob", in(2h));
  ASSERT_TRUE(eventually([&] { return told().size() == 2; })) << engine.log_text();
  EXPECT_EQ(told(), (std::vector<std::string>{"key.expiring" + first, "key.expired" + first}));
  const auto body = receiver.bodies()[1];
  EXPECT_EQ(body["timestamp"].text(), end);
  EXPECT_EQ(body["data"]["user"].text(), "ann");
  EXPECT_EQ(body["data"]["name"].text(), "CI");
  EXPECT_EQ(body["data"]["expires_at"].text(), end);
  EXPECT_FALSE(body["data"]["secret"].exists());

  receiver.answer(500);
  const auto second = create("ann", in(500ms));
  ASSERT_TRUE(eventually([&] { return told().size() > 2; })) << "it is sent, and fails";
  engine.kill();
  receiver.answer(200);
  engine.start();
  EXPECT_TRUE(eventually([&] { return told().back() == "key.expired" + second; })) << engine.log_text();
  auto ids = receiver.ids();
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 4u) << "with the same ids, if again";
}

TEST_F(Webhooks, KeepTheirConnection) {
  Receiver receiver(200, Receiver::Connections::kept);
  EngineProcess engine({.arguments = configure({{receiver.port()}})});
  auto admin = engine.client();
  const auto tell = [&](int count) {
    const auto all = receiver.answered() + count;
    for (int i = 0; i < count; ++i) revoke(admin, create_key(admin).key_id);
    return eventually([&] { return receiver.answered() == all; });
  };
  ASSERT_TRUE(tell(10)) << engine.log_text();
  EXPECT_EQ(receiver.connections(), 1);
  for (int i = 2; i < 6; ++i) {
    receiver.cut_connections();
    ASSERT_TRUE(tell(1)) << engine.log_text();
    EXPECT_EQ(receiver.connections(), i);
  }
  EXPECT_EQ(engine.log_text().find("a webhook"), std::string::npos) << "that a receiver closes is no failure";
}

TEST_F(Webhooks, OneThatDoesNotAnswerDelaysNoOther) {
  Receiver hangs(0);
  Receiver fails(500);
  Receiver redirects(307);
  Receiver good;
  redirects.elsewhere = good.port();
  EngineProcess engine(
      {.arguments = configure({{hangs.port()}, {fails.port()}, {redirects.port()}, {good.port()}})});
  auto admin = engine.client();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(revoke(admin, create_key(admin).key_id).status, 200);
  EXPECT_TRUE(eventually([&] { return good.ids().size() == 20; }, 5s))
      << good.ids().size() << " " << hangs.ids().size() << " " << engine.log_text();
  EXPECT_EQ(hangs.ids().size(), 1u);
  EXPECT_TRUE(eventually([&] { return redirects.ids().size() > 1; })) << "a redirect is not followed";
  const auto told = good.ids();
  EXPECT_EQ(std::set(told.begin(), told.end()).size(), 20u);
  EXPECT_TRUE(eventually([&] { return fails.ids().size() > 1; })) << "it is tried again";
  const auto again = fails.ids();
  EXPECT_EQ(std::set(again.begin(), again.end()).size(), 1u) << "the same, until it is answered";
  EXPECT_EQ(engine.stop(), 0);
}

TEST_F(Webhooks, ContinueAfterACrashWhereTheyWere) {
  Receiver receiver;
  EngineProcess engine({.arguments = configure({{receiver.port()}})});
  {
    auto admin = engine.client();
    revoke(admin, create_key(admin).key_id);
    ASSERT_TRUE(eventually([&] { return receiver.ids().size() == 1; }));
    receiver.answer(500);
    for (int i = 0; i < 10; ++i) revoke(admin, create_key(admin).key_id);
    ASSERT_TRUE(eventually([&] { return receiver.ids().size() > 1; }));
  }
  engine.kill();
  receiver.answer(200);
  engine.start();
  EXPECT_TRUE(eventually([&] {
    const auto ids = receiver.ids();
    return std::set(ids.begin(), ids.end()).size() == 11;
  })) << engine.log_text();
}

TEST_F(Webhooks, ANewOneBeginsNow) {
  Receiver receiver;
  EngineProcess engine;
  {
    auto admin = engine.client();
    revoke(admin, create_key(admin).key_id);
  }
  ASSERT_EQ(engine.stop(), 0);
  engine.options().arguments = configure({{receiver.port()}});
  engine.start();
  auto admin = engine.client();
  const auto key = create_key(admin).key_id;
  revoke(admin, key);
  ASSERT_TRUE(eventually([&] { return !receiver.bodies().empty(); }));
  EXPECT_EQ(receiver.bodies()[0]["data"]["key_id"].text(), key);
}

TEST_F(Webhooks, SayWhatTheyAnswerToATest) {
  Receiver good;
  Receiver fails(500);
  ReservedPort nobody;
  EngineProcess engine({.arguments = configure({{good.port()}, {fails.port()}, {nobody.number()}})});
  auto admin = engine.client();
  const auto tested = admin.request("POST", "/v1/webhooks/test");
  ASSERT_EQ(tested.status, 200) << tested.body;
  const auto results = tested.json()["results"];
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0]["status"].number(), 200);
  EXPECT_TRUE(results[0]["delivered"].is_true());
  EXPECT_EQ(results[1]["status"].number(), 500);
  EXPECT_FALSE(results[1]["delivered"].is_true());
  EXPECT_FALSE(results[2]["error"].text().empty()) << tested.body;
  EXPECT_EQ(results[2]["url"].text(), "http://127.0.0.1:" + std::to_string(nobody.number()))
      << "without the path, which may be secret";
  EXPECT_EQ(good.bodies()[0]["type"].text(), "webhook.test");
  const auto key = create_key(admin, {{"user", "u"}});
  EXPECT_EQ(HttpClient(engine.port())
                .request("POST", "/v1/webhooks/test", {{"Authorization", "Bearer " + key.secret}})
                .status,
            403);
}

TEST_F(Webhooks, AreToldOfAGatewayThatIsGone) {
  Receiver receiver;
  EngineProcess engine({.arguments = configure({{receiver.port(), R"("gateway.stale")"}})});
  GatewayProcess gateway(engine, {.arguments = {"--name", "edge-1"}});
  auto admin = engine.client();
  ASSERT_TRUE(eventually([&] {
    const auto gateways = admin.get("/v1/gateways").json()["gateways"];
    return gateways.size() == 1 && gateways[std::size_t{0}]["state"].text() == "current";
  }));
  gateway.kill();
  ASSERT_TRUE(eventually([&] { return !receiver.bodies().empty(); }, 20s)) << engine.log_text();
  const auto body = receiver.bodies()[0];
  EXPECT_EQ(body["type"].text(), "gateway.stale");
  EXPECT_EQ(body["data"]["gateway"].text(), "edge-1");
  EXPECT_EQ(body["data"]["state"].text(), "gone");
}

TEST_F(Webhooks, AFileThatMakesNoSenseIsRefusedInOneLine) {
  configure({{80}});
  const auto good = read_file(directory_ / "webhooks.toml");
  const auto replaced = [&](std::string_view what, std::string_view by) {
    auto text = good;
    text.replace(text.find(what), what.size(), by);
    return text;
  };
  write_file(directory_ / "short", "whsec_AAAA\n");
  for (const auto& [text, told] : std::vector<std::pair<std::string, std::string>>{
           {replaced("http://", "ftp://"), "url"},
           {replaced("\"key.revoked\"", "\"key.unheard\""), "key.unheard"},
           {replaced("events", "event"), "'event'"},
           {good + "expiring_before = \"1d\"\n", "key.expiring"},
           {replaced("\"key.revoked\"", "\"key.expiring\"") + "expiring_before = \"0\"\n", "expiring_before"},
           {replaced("\"key.revoked\"", "\"key.expiring\"") + "expiring_before = \"10ms\"\n", "1s"},
           {replaced("\"key.revoked\"", "\"key.expiring\"") + "expiring_before = \"4000d\"\n", "3650d"},
           {replaced("/secret", "/short"), "whsec_"},
           {replaced("/secret", "/absent"), "absent"},
           {replaced("[[webhook]]", "[[other]]"), "other"},
           {replaced("[[webhook]]\n", ""), "webhook"},
           {good + good, "same url"},
           {"[[webhook]]\n", "webhook"}}) {
    SCOPED_TRACE(text);
    write_file(directory_ / "webhooks.toml", text);
    fs::remove(directory_ / "log");
    Process process({.command = {program("revoked"), "--listen", "127.0.0.1:0", "--data-dir",
                                 directory_ / "data", "--webhooks-file", directory_ / "webhooks.toml"},
                     .log = directory_ / "log"});
    EXPECT_EQ(process.wait(30s), 2) << process.description();
    EXPECT_THAT(process.log_text(), testing::HasSubstr(told));
    EXPECT_THAT(process.log_text(), testing::HasSubstr("--webhooks-file"));
  }
}

// With the library that its users use.
TEST_F(Webhooks, AreVerifiedByThePublishedLibraryThroughFailuresAndRestarts) {
  const auto program = source_directory() / "tests/integration/webhooks/receiver.js";
  const auto packages = node_packages();
  ReservedPort port;
  const auto start_receiver = [&](const std::string& failures) {
    Process::Options options{.command = {"node", program, std::to_string(port.number()), secret, failures},
                             .environment = {"NODE_PATH=" + packages.string()},
                             .log = directory_ / "receiver.log"};
    return options;
  };
  EngineProcess engine({.arguments = configure({{port.number()}})});
  auto admin = std::make_unique<HttpClient>(engine.client());
  const auto first = create_key(*admin, {{"user", "Zoë"}}).key_id;
  revoke(*admin, first);  // while nobody listens
  std::string second;
  {
    Process receiver(start_receiver("1"));
    ASSERT_TRUE(receiver.wait_for_line("ready", 20s)) << receiver.description();
    EXPECT_TRUE(receiver.wait_for_line("failed", 20s));
    const auto line = receiver.wait_for_line("key.revoked", 20s);
    ASSERT_TRUE(line) << engine.log_text();
    EXPECT_THAT(*line, testing::HasSubstr(first));
    EXPECT_THAT(*line, testing::HasSubstr("Zoë"));
  }
  second = create_key(*admin).key_id;
  revoke(*admin, second);
  admin.reset();
  EXPECT_EQ(engine.stop(), 0);
  engine.start();
  Process receiver(start_receiver("0"));
  const auto line = receiver.wait_for_line("key.revoked", 20s);
  ASSERT_TRUE(line) << engine.log_text();
  EXPECT_THAT(*line, testing::HasSubstr(second)) << "and the first is not repeated";
}

}  // namespace revoked::test::webhooks_systest
