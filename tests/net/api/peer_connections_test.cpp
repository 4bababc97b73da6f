// Connections to another engine: when one is used again.

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <thread>

#include "net/api/peer.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_engine.hpp"

namespace revoked::net::peer_connections_test {

using namespace std::chrono_literals;
using revoked::test::FakeEngine;
using revoked::test::FakeRequest;
using Kept = PeerConnections::Kept;

class PeerConnectionsTest : public testing::Test {
 protected:
  static std::string url(const FakeEngine& peer) { return "http://127.0.0.1:" + std::to_string(peer.port()); }
  static FakeEngine::Handler answering(std::string_view body) {
    return [body](const FakeRequest&, FakeEngine::Peer& peer) { peer.answer(200, body); };
  }
  void run(cache::Task<> task) {
    cache::asio::co_spawn(io_, std::move(task), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io_.restart();
    io_.run();
  }
  PeerConnections::Pointer connect(const std::string& to, Kept kept) {
    PeerConnections::Pointer connected;
    run(connect_to(connected, to, kept));
    return connected;
  }
  // One request, whose answer is read to its end, or not.
  std::string ask(const std::string& to, Kept kept = Kept::may_be_taken, bool reads_all = true) {
    auto connection = connect(to, kept);
    if (!connection) return "none";
    std::string body;
    run(ask_on(body, connection, reads_all));
    connections_.keep(to, std::move(connection));
    return body;
  }

  cache::asio::io_context io_{1};
  PeerConnections connections_{io_, {}};

 private:
  cache::Task<> connect_to(PeerConnections::Pointer& connected, std::string to, Kept kept) {
    connected = co_await connections_.connect(std::move(to), kept);
  }
  static cache::Task<> ask_on(std::string& body, PeerConnections::Pointer connection, bool reads_all) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    const auto request = std::make_shared<std::string>("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto opened = co_await cache::HttpConnection::open_stream(connection, request, deadline);
    if (!opened || !reads_all) co_return;
    for (std::array<char, 100> chunk;;) {
      const auto size = co_await cache::HttpConnection::read_stream(connection, *opened,
                                                                    cache::asio::buffer(chunk), deadline);
      if (!size || *size == 0) co_return;
      body.append(chunk.data(), *size);
    }
  }
};

TEST_F(PeerConnectionsTest, AreKeptForWhatMayBeRepeated) {
  const FakeEngine peer(answering("a"));
  EXPECT_EQ(ask(url(peer)), "a");
  EXPECT_EQ(ask(url(peer)), "a");
  EXPECT_EQ(peer.connections(), 1);
  EXPECT_EQ(ask(url(peer), Kept::not_taken), "a");
  EXPECT_EQ(peer.connections(), 2);
  connections_.close_kept();
  EXPECT_EQ(ask(url(peer)), "a");
  EXPECT_EQ(peer.connections(), 3);
}

// The rest of it would be taken for the next answer.
TEST_F(PeerConnectionsTest, AreNotKeptWithAnAnswerThatIsNotRead) {
  const FakeEngine peer(answering("a"));
  ask(url(peer), Kept::may_be_taken, false);
  EXPECT_EQ(ask(url(peer)), "a");
  EXPECT_EQ(peer.connections(), 2);
}

TEST_F(PeerConnectionsTest, ThatThePeerHasClosedAreNotTaken) {
  FakeEngine peer(answering("a"));
  ask(url(peer));
  peer.cut_connections();
  EXPECT_EQ(ask(url(peer)), "a");
  EXPECT_EQ(peer.connections(), 2);
}

// A request under way when another engine begins to lead: its connection is not the new leader's.
TEST_F(PeerConnectionsTest, AreEachToTheirPeer) {
  const FakeEngine first(answering("first")), second(answering("second"));
  auto slow = connect(url(first), Kept::may_be_taken);
  EXPECT_EQ(ask(url(second)), "second");
  connections_.keep(url(first), std::move(slow));
  EXPECT_EQ(ask(url(second)), "second");
  EXPECT_EQ(ask(url(first)), "first");
}

TEST_F(PeerConnectionsTest, ToNobodyAreNone) {
  const auto gone = [] {
    const FakeEngine peer(answering(""));
    return url(peer);
  }();
  EXPECT_EQ(ask(gone), "none");
  EXPECT_EQ(ask("no address"), "none");
  EXPECT_EQ(ask("no address"), "none");
  EXPECT_EQ(ask(""), "none");
}

}  // namespace revoked::net::peer_connections_test
