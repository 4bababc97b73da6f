#include "cache/edge/engine_client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/fake_engine.hpp"

namespace revoked::cache::engine_client_test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using engine::errc;
using test::FakeEngine;
using test::FakeRequest;
using Peer = FakeEngine::Peer;

constexpr std::string_view active_decision =
    R"({"active":true,"state":"active","key_id":"k1","as_of":"3-7"})";

// A client on its own loop.
class Client {
 public:
  explicit Client(std::uint16_t port, std::function<void(EngineClient::Options&)> change = {}) {
    EngineClient::Options options;
    options.address = {"127.0.0.1", port};
    options.credential = "master";
    if (change) change(options);
    client_.emplace(io_, options);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Client() {
    run([&] { client_.reset(); });
    work_.reset();
    thread_.join();
  }
  void run(std::function<void()> what) {
    std::promise<void> done;
    asio::post(io_, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }
  std::future<engine::result<Decision>> ask(const std::string& secret) {
    auto promise = std::make_shared<std::promise<engine::result<Decision>>>();
    client_->ask(engine::sha256(secret), secret,
                 [promise](const engine::result<Decision>& d) { promise->set_value(d); });
    return promise->get_future();
  }
  std::future<engine::result<Decision>> ask(int n) { return ask(std::to_string(n)); }
  std::future<engine::result<EngineClient::PageAnswer>> page(std::optional<Position> after) {
    auto promise = std::make_shared<std::promise<engine::result<EngineClient::PageAnswer>>>();
    run([&] {
      client_->read_page(
          after, {}, [promise](const engine::result<EngineClient::PageAnswer>& p) { promise->set_value(p); });
    });
    return promise->get_future();
  }
  EngineClient& operator*() { return *client_; }
  EngineClient* operator->() { return &*client_; }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<Executor> work_{io_.get_executor()};
  std::optional<EngineClient> client_;
  std::thread thread_;
};

// State with a condition variable.
class Watched {
 public:
  template <class F>
  void change(F&& f) {
    std::lock_guard lock(mutex_);
    f();
    changed_.notify_all();
  }
  template <class F>
  bool wait(F&& until, std::chrono::milliseconds limit = 20s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, until);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

// ---- addresses

TEST(EngineUrl, IsStrict) {
  const auto address = parse_engine_url("http://engine.example:7000").value();
  EXPECT_EQ(address.host, "engine.example");
  EXPECT_EQ(address.port, 7000);
  EXPECT_EQ(parse_engine_url("http://h").value().port, 7385);
  EXPECT_EQ(parse_engine_url("http://h/").value().host, "h");
  EXPECT_EQ(parse_engine_url("http://[::1]:80").value().host, "::1");
  for (const auto* url : {"", "h", "https://h", "http://", "http://h:0", "http://h:99999", "http://h/path",
                          "http://u@h", "http://h?x", "http://[::1", "http://::1", "http://h:80:80"})
    EXPECT_FALSE(parse_engine_url(url)) << url;
}

// ---- questions

TEST(EngineClient, AsksAsTheContractSays) {
  FakeRequest seen;
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    seen = request;
    peer.answer_question(request, active_decision);
  });
  Client client(engine.port());
  const auto decision = client.ask("se\"cret").get().value();
  EXPECT_EQ(decision.state, Decision::State::active);
  EXPECT_EQ(decision.key_id, "k1");
  EXPECT_EQ(decision.as_of, (Position{3, 7}));
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/v1/keys/verify?echo=secret_sha256");
  EXPECT_EQ(seen.body, R"({"secret":"se\"cret"})");
  EXPECT_EQ(seen.headers["host"], "127.0.0.1:" + std::to_string(engine.port()));
  EXPECT_EQ(seen.headers["authorization"], "Bearer master");
}

TEST(EngineClient, PutsOneQuestionForAllWhoAskTheSameMeanwhile) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    gone.wait();
    peer.answer_question(request, active_decision);
  });
  Client client(engine.port());
  std::vector<std::future<engine::result<Decision>>> answers;
  answers.push_back(client.ask(1));
  EXPECT_TRUE(test::eventually([&] { return engine.requests() == 1; }));
  for (int i = 1; i < 100; ++i) answers.push_back(client.ask(1));
  answers.push_back(client.ask(2));
  client.run([] {});
  go.set_value();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(engine.requests(), 3) << "the first, one for all later callers, and the other secret's";
}

TEST(EngineClient, KeepsItsConnection) {
  FakeEngine engine(
      [&](const FakeRequest& request, Peer& peer) { peer.answer_question(request, active_decision); });
  Client client(engine.port());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.ask(i).get());
  EXPECT_EQ(engine.connections(), 1);
  EXPECT_EQ(engine.requests(), 100);
}

TEST(EngineClient, BoundsItsConnections) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    std::this_thread::sleep_for(1ms);
    peer.answer_question(request, active_decision);
  });
  Client client(engine.port(), [](auto& options) { options.max_connections = 3; });
  std::vector<std::future<engine::result<Decision>>> answers;
  for (int i = 0; i < 200; ++i) answers.push_back(client.ask(i));
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(engine.connections(), 3);
}

TEST(EngineClient, RefusesMoreThanItsBound) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    gone.wait();
    peer.answer_question(request, active_decision);
  });
  Client client(engine.port(), [](auto& options) {
    options.max_connections = 1;
    options.max_waiting = 2;
    options.question_timeout = 10s;
  });
  std::vector<std::future<engine::result<Decision>>> answers;
  for (int i = 0; i < 4; ++i) answers.push_back(client.ask(i));
  EXPECT_EQ(answers[3].get().error(), errc::overloaded);
  go.set_value();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(answers[i].get());
}

TEST(EngineClient, GivesUpInTimeAlsoWithWhatWaits) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) {
    while (peer.is_open()) std::this_thread::sleep_for(5ms);
  });
  Client client(engine.port(), [](auto& options) {
    options.max_connections = 1;
    options.question_timeout = 200ms;
  });
  const auto from = Clock::now();
  std::vector<std::future<engine::result<Decision>>> answers;
  constexpr int count = 100;
  for (int i = 0; i < count; ++i) answers.push_back(client.ask(i));
  for (auto& answer : answers) EXPECT_EQ(answer.get().error(), errc::timed_out);
  EXPECT_GE(Clock::now() - from, 200ms);
  EXPECT_LT(Clock::now() - from, count * 200ms / 2) << "one after the other";
}

TEST(EngineClient, AsksAgainWhenAKeptConnectionWasClosed) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    peer.answer_question(request, active_decision);
    peer.close();
  });
  Client client(engine.port());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client.ask(i).get()) << i;
  EXPECT_EQ(engine.connections(), 10);
}

TEST(EngineClient, AsksAgainOnceOnly) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    if (request.body.find("first") != request.body.npos)
      return peer.answer_question(request, active_decision);
    peer.close();
  });
  Client client(engine.port());
  ASSERT_TRUE(client.ask("first").get());
  EXPECT_EQ(client.ask("second").get().error(), errc::unavailable);
  EXPECT_EQ(engine.requests(), 3);
}

TEST(EngineClient, TellsErrorsApart) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    const auto number = request.secret();
    if (number == "bad") return static_cast<void>(peer.send("nonsense\r\n\r\n"));
    if (number == "big") return peer.answer(200, std::string(1 << 20, ' '));
    if (number == "odd") return peer.answer(200, "{}");
    peer.answer(std::stoi(number), "{}");
  });
  Client client(engine.port());
  EXPECT_EQ(client.ask("401").get().error(), errc::refused);
  EXPECT_EQ(client.ask("403").get().error(), errc::refused);
  EXPECT_EQ(client.ask("503").get().error(), errc::unavailable);
  EXPECT_EQ(client.ask("429").get().error(), errc::overloaded);
  EXPECT_EQ(client.ask("400").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("bad").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("big").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("odd").get().error(), errc::malformed);
}

TEST(EngineClient, DoesNotTakeStrayBytesForAnAnswer) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: " +
              std::to_string(active_decision.size()) + "\r\n\r\n" + std::string(active_decision));
  });
  Client client(engine.port());
  EXPECT_EQ(client.ask(1).get().error(), errc::malformed);
  EXPECT_EQ(client.ask(2).get().error(), errc::malformed);
}

// ---- responses match their questions

std::string decision_about(const FakeRequest& question) {
  const auto secret = question.secret();
  const bool active = !secret.starts_with("revoked");
  return std::string(R"({"active":)") + (active ? R"(true,"state":"active")" : R"(false,"state":"revoked")") +
         R"(,"key_id":")" + secret + R"(","as_of":"3-7"})";
}

TEST(EngineClientInStep, ReadsPastInterimAnswers) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    std::this_thread::sleep_for(5ms);
    peer.send("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n");
    std::this_thread::sleep_for(5ms);
    peer.answer_question(request, decision_about(request));
  });
  Client client(engine.port());
  for (int i = 0; i < 10; ++i) {
    const std::string secret = (i % 2 == 0 ? "active" : "revoked") + std::to_string(i);
    const auto decision = client.ask(secret).get();
    ASSERT_TRUE(decision) << i << " " << decision.error().message();
    EXPECT_EQ(decision->key_id, secret);
  }
  EXPECT_EQ(engine.connections(), 1);
}

TEST(EngineClientInStep, TakesNeitherInterimAnswersWithoutEndNorAnotherProtocol) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    if (request.secret() == "upgrade") {
      peer.send("HTTP/1.1 101 Switching Protocols\r\n\r\n");
      return peer.answer_question(request, decision_about(request));
    }
    while (peer.send("HTTP/1.1 100 Continue\r\n\r\n")) continue;
  });
  Client client(engine.port());
  EXPECT_EQ(client.ask("endless").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("upgrade").get().error(), errc::malformed);
}

TEST(EngineClientInStep, ReadsAPageBehindInterimAnswers) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) {
    peer.send("HTTP/1.1 103 Early Hints\r\n\r\n");
    std::this_thread::sleep_for(5ms);
    peer.answer(200, R"({"position":"3-9","more":false,"messages":[]})");
  });
  Client client(engine.port());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.page(Position{3, 7}).get().value().page.position.sequence, 9);
}

// Unsolicited bytes on a kept connection.
class Unasked : public testing::TestWithParam<std::string> {};

TEST_P(Unasked, IsNoAnswerToTheNextQuestion) {
  std::promise<void> sent;
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    peer.answer_question(request, decision_about(request));
    if (request.connection != 1 || request.secret() != "active") return;
    std::this_thread::sleep_for(20ms);  // the answer has been read
    peer.send(GetParam().empty() ? Peer::format_answer(request, decision_about(request)) : GetParam());
    sent.set_value();
  });
  Client client(engine.port());
  EXPECT_EQ(client.ask("active").get().value().state, Decision::State::active);
  sent.get_future().wait();
  for (const auto* secret : {"revoked1", "active2", "revoked3"}) {
    const auto decision = client.ask(secret).get();
    ASSERT_TRUE(decision) << secret << ": " << decision.error().message();
    EXPECT_EQ(decision->key_id, secret);
  }
  EXPECT_EQ(engine.connections(), 2);
}

INSTANTIATE_TEST_SUITE_P(EngineClientInStep, Unasked,
                         testing::Values("",  // the same response again
                                         "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
                                         "HTTP/1.1 100 Continue\r\n\r\n", "\r\n", "nonsense"));

TEST(EngineClientInStep, TakesNoAnswerThatIsAboutAnotherSecretOrAboutNone) {
  std::string answer;
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    if (request.secret() == "misled") return static_cast<void>(peer.send(answer));
    if (request.secret() == "unnamed") return peer.answer(200, decision_about(request));
    answer = Peer::format_answer(request, decision_about(request));
    peer.send(answer);
  });
  Client client(engine.port());
  ASSERT_TRUE(client.ask("active").get());
  EXPECT_EQ(client.ask("misled").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("unnamed").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("revoked").get().value().state, Decision::State::revoked);
  EXPECT_EQ(engine.connections(), 3) << "a connection with mismatched responses is closed";
}

TEST(EngineClient, KnowsNoSecretThatIsNotText) {
  FakeEngine engine(
      [&](const FakeRequest& request, Peer& peer) { peer.answer_question(request, active_decision); });
  Client client(engine.port());
  EXPECT_EQ(client.ask("\xff\xfe").get().value().state, Decision::State::unknown);
  EXPECT_EQ(engine.requests(), 0);
}

TEST(EngineClient, FindsTheEngineByName) {
  FakeEngine engine(
      [&](const FakeRequest& request, Peer& peer) { peer.answer_question(request, active_decision); });
  Client client(engine.port(), [](auto& options) { options.address.host = "localhost"; });
  EXPECT_TRUE(client.ask(1).get());
  Client lost(engine.port(), [](auto& options) { options.address.host = "no-such-host.invalid"; });
  EXPECT_FALSE(lost.ask(1).get());
}

TEST(EngineClient, RefusesACredentialThatWouldBreakTheRequest) {
  asio::io_context io;
  EngineClient::Options options;
  options.address = {"127.0.0.1", 1};
  options.credential = "a\r\nX: y";
  EXPECT_THROW(EngineClient(io, options), std::invalid_argument);
}

TEST(EngineClient, TellsEveryoneWhenStopped) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) {
    while (peer.is_open()) std::this_thread::sleep_for(5ms);
  });
  Client client(engine.port(), [](auto& options) { options.max_connections = 2; });
  std::vector<std::future<engine::result<Decision>>> answers;
  for (int i = 0; i < 10; ++i) answers.push_back(client.ask(i % 5));
  auto page = client.page(Position{1, 1});
  std::this_thread::sleep_for(50ms);
  client.run([&] { client->stop(); });
  for (auto& answer : answers) EXPECT_EQ(answer.get().error(), errc::not_ready);
  EXPECT_EQ(page.get().error(), errc::not_ready);
  EXPECT_EQ(client.ask(9).get().error(), errc::not_ready);
}

TEST(EngineClient, CanBeStoppedAtAnyMoment) {
  FakeEngine engine(
      [&](const FakeRequest& request, Peer& peer) { peer.answer_question(request, active_decision); });
  for (int i = 0; i < 60; ++i) {
    Client client(engine.port());
    if (i % 2)
      client.run([&] {
        client->start_stream({[] { return std::nullopt; }, [](auto) {}, [](auto) {}, [](bool, auto) {}});
      });
    auto answer = client.ask(1);
    std::this_thread::sleep_for(std::chrono::microseconds(20 * i));
    client.run([&] { client->stop(); });
    answer.get();
  }
}

TEST(EngineClient, MayGoWithItsLoopUnfinished) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) {
    while (peer.is_open()) std::this_thread::sleep_for(5ms);
  });
  asio::io_context io{1};
  EngineClient::Options options;
  options.address = {"localhost", engine.port()};
  EngineClient client(io, options);
  client.start_stream({[] { return std::nullopt; }, [](auto) {}, [](auto) {}, [](bool, auto) {}});
  client.ask(engine::sha256("x"), "x", [](const auto&) {});
  io.run_for(50ms);
}

// ---- pages

TEST(EngineClient, ReadsPages) {
  FakeRequest seen;
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    seen = request;
    peer.answer(200, R"({"position":"3-9","more":true,"messages":[
        {"epoch":3,"first":8,"last":9,"at":"2026-01-02T03:04:05.678Z","events":[]}]})");
  });
  Client client(engine.port());
  const auto answer = client.page(Position{3, 7}).get().value();
  EXPECT_FALSE(answer.gone);
  EXPECT_EQ(answer.page.position, (Position{3, 9}));
  EXPECT_TRUE(answer.page.more);
  ASSERT_EQ(answer.page.messages.size(), 1);
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/v1/invalidations?after=3-7&limit=1000");
  EXPECT_TRUE(client.page({}).get());
  EXPECT_EQ(seen.target, "/v1/invalidations?limit=1000");
}

TEST(EngineClient, LearnsThatARangeIsGone) {
  std::string body = R"({"type":"about:blank","code":"position_gone","position":"4-100"})";
  FakeEngine engine(
      [&](const FakeRequest&, Peer& peer) { peer.answer(410, body, "application/problem+json"); });
  Client client(engine.port());
  const auto answer = client.page(Position{3, 7}).get().value();
  EXPECT_TRUE(answer.gone);
  EXPECT_EQ(answer.page.position, (Position{4, 100}));
  for (const auto* broken : {"", "{}", "[]", R"({"position":7})", R"({"position":"x"})"}) {
    body = broken;
    EXPECT_EQ(client.page(Position{3, 7}).get().error(), errc::malformed) << broken;
  }
}

TEST(EngineClient, ReadsPagesWhileQuestionsWait) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    if (request.method == "GET") return peer.answer(410, R"({"position":"1-1"})");
    gone.wait();
    peer.answer_question(request, active_decision);
  });
  Client client(engine.port(), [](auto& options) {
    options.max_connections = 1;
    options.question_timeout = 20s;
  });
  auto first = client.ask(1);
  auto second = client.ask(2);
  EXPECT_TRUE(client.page({}).get());
  go.set_value();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

// ---- the stream

struct Stream : Watched {
  std::optional<Position> position;
  std::vector<std::string> messages;
  std::vector<Position> gone;
  std::vector<std::string> states;

  EngineClient::StreamHandlers handlers() {
    return {[this] {
              std::optional<Position> now;
              change([&] { now = position; });
              return now;
            },
            [this](std::string_view m) { change([&] { messages.emplace_back(m); }); },
            [this](const Page& engine_now) {
              change([&] {
                gone.push_back(engine_now.position);
                position = engine_now.position;
              });
            },
            [this](bool connected, std::string_view reason) {
              change([&] { states.push_back(connected ? "up" : "down: " + std::string(reason)); });
            }};
  }
};

TEST(EngineClientStream, ReadsEventsHoweverTheBytesAreCut) {
  const std::string events = "id: 3-1\ndata: {\"n\":1}\n\n: comment\n\nid: 3-2\r\ndata: {\"n\":2}\r\n\r\n";
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    peer.open_event_stream();
    const auto cut = static_cast<std::size_t>(request.connection) % events.size();
    if (cut) peer.send_chunk(events.substr(0, cut));
    std::this_thread::sleep_for(1ms);
    peer.send_chunk(events.substr(cut));
    for (const char c : events) peer.send_chunk(std::string(1, c));
    peer.send("0\r\n\r\n");
    peer.close();
  });
  for (std::size_t cut = 0; cut < events.size(); ++cut) {
    Stream stream;
    Client client(engine.port());
    client.run([&] { client->start_stream(stream.handlers()); });
    ASSERT_TRUE(stream.wait([&] { return stream.messages.size() >= 4; }));
    client.run([&] { client->stop_stream(); });
    const std::vector<std::string> start(stream.messages.begin(), stream.messages.begin() + 4);
    EXPECT_EQ(start, (std::vector<std::string>{"{\"n\":1}", "{\"n\":2}", "{\"n\":1}", "{\"n\":2}"}));
  }
}

TEST(EngineClientStream, ComesBackWithThePositionItHasReached) {
  std::mutex mutex;
  std::vector<std::string> last_ids;
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    {
      std::lock_guard lock(mutex);
      const auto id = request.headers.find("last-event-id");
      last_ids.push_back(id == request.headers.end() ? "none" : id->second);
      EXPECT_EQ(request.headers.at("accept"), "text/event-stream");
      EXPECT_EQ(request.target, "/v1/invalidations");
    }
    peer.open_event_stream();
    peer.send_event("x");
    peer.close();
  });
  Stream stream;
  Client client(engine.port());
  client.run([&] { client->start_stream(stream.handlers()); });
  ASSERT_TRUE(stream.wait([&] { return stream.messages.size() >= 1; }));
  stream.change([&] { stream.position = Position{3, 41}; });
  ASSERT_TRUE(stream.wait([&] { return stream.messages.size() >= 4; }));
  client.run([&] { client->stop_stream(); });
  std::lock_guard lock(mutex);
  EXPECT_EQ(last_ids.front(), "none");
  EXPECT_EQ(last_ids[3], "3-41");
}

TEST(EngineClientStream, TellsThatThePositionIsGoneAndGoesOnFromTheNewOne) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    if (request.headers.at("last-event-id") != "4-9") return peer.answer(410, R"({"position":"4-9"})");
    peer.open_event_stream();
    peer.send_event("hello");
    while (peer.is_open()) std::this_thread::sleep_for(5ms);
  });
  Stream stream;
  stream.position = Position{3, 1};
  Client client(engine.port());
  client.run([&] { client->start_stream(stream.handlers()); });
  ASSERT_TRUE(stream.wait([&] { return stream.messages.size() == 1; }));
  EXPECT_EQ(stream.gone, (std::vector<Position>{{4, 9}}));
  client.run([&] { client->stop_stream(); });
}

TEST(EngineClientStream, SaysWhatIsWrongOnce) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) { peer.answer(401, "{}"); });
  Stream stream;
  Client client(engine.port());
  client.run([&] { client->start_stream(stream.handlers()); });
  ASSERT_TRUE(stream.wait([&] { return !stream.states.empty(); }));
  EXPECT_TRUE(test::eventually([&] { return engine.requests() >= 3; }));
  client.run([&] { client->stop_stream(); });
  EXPECT_EQ(stream.states, (std::vector<std::string>{"down: credential refused"}));
}

TEST(EngineClientStream, DropsASilentStream) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    peer.open_event_stream();
    peer.send_event("x");
    if (request.connection > 1) peer.send_event("y");
    while (peer.is_open()) std::this_thread::sleep_for(5ms);
  });
  Stream stream;
  Client client(engine.port());
  client.run([&] { client->start_stream(stream.handlers()); });
  ASSERT_TRUE(stream.wait([&] { return stream.messages.size() >= 3; }));
  client.run([&] { client->stop_stream(); });
  EXPECT_EQ(stream.states, (std::vector<std::string>{"up", "down: silent", "up"}));
}

TEST(EngineClientStream, MayBeStoppedByItsOwnMessage) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) {
    peer.open_event_stream();
    for (int i = 0; i < 10 && peer.send_event("x"); ++i) continue;
    while (peer.is_open()) std::this_thread::sleep_for(5ms);
  });
  Stream stream;
  Client client(engine.port());
  auto handlers = stream.handlers();
  handlers.on_message = [&](std::string_view m) {
    stream.change([&] { stream.messages.emplace_back(m); });
    client->stop_stream();
  };
  client.run([&] { client->start_stream(std::move(handlers)); });
  ASSERT_TRUE(stream.wait([&] { return !stream.messages.empty(); }));
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(stream.messages.size(), 1);
}

}  // namespace revoked::cache::engine_client_test
