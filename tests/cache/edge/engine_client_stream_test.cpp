// The feed stream, as an EngineClient follows it.

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/cache/edge/client_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_engine.hpp"

namespace revoked::cache::engine_client_stream_test {

using namespace std::chrono_literals;
using test::eventually;
using test::FakeEngine;
using test::FakeRequest;
using test::TestClient;
using Peer = FakeEngine::Peer;

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
    std::this_thread::sleep_for(1ms);  // so that the client reads both by themselves
    peer.send_chunk(events.substr(cut));
    for (const char c : events) peer.send_chunk(std::string(1, c));
    peer.send("0\r\n\r\n");
    peer.close();
  });
  for (std::size_t cut = 0; cut < events.size(); ++cut) {
    Stream stream;
    TestClient client(engine.port());
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
  TestClient client(engine.port());
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
    peer.wait_until_closed();
  });
  Stream stream;
  stream.position = Position{3, 1};
  TestClient client(engine.port());
  client.run([&] { client->start_stream(stream.handlers()); });
  ASSERT_TRUE(stream.wait([&] { return stream.messages.size() == 1; }));
  EXPECT_EQ(stream.gone, (std::vector<Position>{{4, 9}}));
  client.run([&] { client->stop_stream(); });
}

TEST(EngineClientStream, SaysWhatIsWrongOnce) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) { peer.answer(401, "{}"); });
  Stream stream;
  TestClient client(engine.port());
  client.run([&] { client->start_stream(stream.handlers()); });
  ASSERT_TRUE(stream.wait([&] { return !stream.states.empty(); }));
  EXPECT_TRUE(eventually([&] { return engine.requests() >= 3; }));
  client.run([&] { client->stop_stream(); });
  EXPECT_EQ(stream.states, (std::vector<std::string>{"down: credential refused"}));
}

TEST(EngineClientStream, DropsASilentStream) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    peer.open_event_stream();
    peer.send_event("x");
    if (request.connection > 1) peer.send_event("y");
    peer.wait_until_closed();
  });
  Stream stream;
  TestClient client(engine.port());
  client.run([&] { client->start_stream(stream.handlers()); });
  ASSERT_TRUE(stream.wait([&] { return stream.messages.size() >= 3; }));
  client.run([&] { client->stop_stream(); });
  EXPECT_EQ(stream.states, (std::vector<std::string>{"up", "down: silent", "up"}));
}

TEST(EngineClientStream, MayBeStoppedByItsOwnMessage) {
  std::promise<void> closed;
  FakeEngine engine([&](const FakeRequest&, Peer& peer) {
    peer.open_event_stream();
    for (int i = 0; i < 10 && peer.send_event("x"); ++i) continue;
    peer.wait_until_closed();
    closed.set_value();
  });
  Stream stream;
  TestClient client(engine.port());
  auto handlers = stream.handlers();
  handlers.on_message = [&](std::string_view m) {
    stream.change([&] { stream.messages.emplace_back(m); });
    client->stop_stream();
  };
  client.run([&] { client->start_stream(std::move(handlers)); });
  ASSERT_TRUE(stream.wait([&] { return !stream.messages.empty(); }));
  closed.get_future().wait();
  client.run([] {});  // what the loop had begun is over
  EXPECT_EQ(stream.messages.size(), 1);
}

}  // namespace revoked::cache::engine_client_stream_test
