// Clients that are slow, silent, or too many; and the shutdown of the server.

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/net/api/served_engine.hpp"
#include "tests/net/http/raw_client.hpp"
#include "tests/net/http/test_service.hpp"

namespace revoked::net::deadlines_test {

using namespace std::chrono_literals;
using test::RawClient;
using test::ServedTest;

// Only the limit under test is short.
ServerLimits with(std::chrono::milliseconds ServerLimits::*limit, std::chrono::milliseconds time) {
  ServerLimits limits;
  limits.*limit = time;
  return limits;
}

const std::string request = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";

// One byte at intervals, until the server closes.
bool is_cut_off_while_trickling(RawClient& client) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < until) {
    if (!client.send("a") || !client.is_silent_for(10ms)) return client.is_closed_silently();
  }
  return false;
}

bool refuses_connections(std::uint16_t port) {
  try {
    RawClient one(port);
    return false;
  } catch (const std::runtime_error&) {
    return true;
  }
}

TEST(Deadlines, IdleConnectionIsClosed) {
  ServedTest served(with(&ServerLimits::idle_timeout, 200ms));
  RawClient fresh(served.port);
  EXPECT_TRUE(fresh.is_closed_silently());
  RawClient used(served.port);
  used.send(request);
  EXPECT_NE(used.read_through("X-Path: /first"), "");
  used.read_through("\r\n\r\n");
  EXPECT_TRUE(used.is_closed_silently());
}

TEST(Deadlines, IdleConnectionIsNotReset) {
  auto limits = with(&ServerLimits::idle_timeout, 200ms);
  limits.linger_timeout = 1h;
  ServedTest served(limits);
  RawClient client(served.port);
  EXPECT_TRUE(client.is_closed_silently());
  EXPECT_TRUE(client.send(request));
  client.end_sending();
  EXPECT_TRUE(revoked::test::eventually([&] { return served.server.threads()[0]->held_bytes() == 0; }));
  EXPECT_FALSE(client.was_reset());
}

TEST(Deadlines, SlowHeadIsCutOffHoweverItTrickles) {
  ServedTest served(with(&ServerLimits::head_timeout, 200ms));
  RawClient client(served.port);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  EXPECT_TRUE(is_cut_off_while_trickling(client));
  RawClient behind(served.port);
  behind.send(request + "GET /sec");
  behind.read_through("\r\n\r\n");
  EXPECT_TRUE(is_cut_off_while_trickling(behind)) << "also after a whole request";
}

TEST(Deadlines, SlowBodyIsCutOffHoweverItTrickles) {
  ServedTest served(with(&ServerLimits::body_timeout, 200ms));
  RawClient sized(served.port);
  sized.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_TRUE(is_cut_off_while_trickling(sized));
  RawClient chunked(served.port);
  chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFF\r\n");
  EXPECT_TRUE(is_cut_off_while_trickling(chunked));
  EXPECT_EQ(served.service.requests, 0);
}

TEST(Deadlines, HandlerMayTakeItsTime) {
  ServerLimits limits;
  limits.idle_timeout = limits.head_timeout = limits.body_timeout = limits.write_timeout = 100ms;
  ServedTest served(limits);
  RawClient client(served.port);
  client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.is_silent_for(500ms));
  served.service.released = true;
  EXPECT_NE(client.read_through("later").find("200 OK"), std::string::npos);
}

TEST(Deadlines, ReaderThatStandsStillIsCutOff) {
  auto limits = with(&ServerLimits::write_timeout, 200ms);
  limits.connections = 1;  // shows when the server has closed it
  ServedTest served(limits);
  RawClient client(served.port, 4096);
  client.send("GET /big?size=32000000 HTTP/1.1\r\nHost: a\r\n\r\n");
  const bool served_next = revoked::test::eventually([&] {
    RawClient next(served.port);
    return next.send(request) && !next.read_through("X-Path: /first").empty();
  });
  EXPECT_TRUE(served_next);
  EXPECT_LT(client.read_to_end().size(), 32'000'000);
}

// Each piece is in time, but all of them would take too long.
TEST(Deadlines, BodyOfAnyLengthHasToComeAtSomeRate) {
  ServerLimits limits;
  limits.body_timeout = 2s;
  limits.bytes_per_second = 100'000;
  test::ServedEngine served({.limits = limits});
  RawClient client(served.port());
  client.send(test::ServedEngine::request("POST", "/v1/revocations", "Content-Length: 100000\r\n"));
  EXPECT_TRUE(is_cut_off_while_trickling(client));

  RawClient steady(served.port());
  std::string lines;
  for (int i = 0; i < 2'000; ++i) lines += "{\"key_id\":\"nobody\"}\n";
  const auto size = std::to_string(30 * lines.size());
  steady.send(test::ServedEngine::request("POST", "/v1/revocations", "Content-Length: " + size + "\r\n"));
  const auto until = std::chrono::steady_clock::now() + 4s;  // longer than for a body that does not arrive
  for (int i = 0; i < 30; ++i) {
    std::this_thread::sleep_until(until - (29 - i) * 130ms);  // a rate, not a wait
    ASSERT_TRUE(steady.send(lines));
  }
  EXPECT_NE(steady.read_through("\"unknown\":60000").find("200 OK"), std::string::npos);
}

TEST(Deadlines, AnswersHaveToBeTakenAtSomeRate) {
  ServerLimits limits;
  limits.write_timeout = 1s;
  limits.bytes_per_second = 100'000'000;
  ServedTest served(limits);
  RawClient client(served.port, 4096);
  client.send("GET /big?size=60000000 HTTP/1.1\r\nHost: a\r\n\r\n");
  std::size_t taken = 0;
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < until) {
    const auto piece = client.read_at_most(100'000);
    if (piece.empty()) break;
    taken += piece.size();
    std::this_thread::sleep_for(10ms);  // a rate, not a wait: at most 10 MB a second
  }
  EXPECT_TRUE(client.was_closed());
  EXPECT_LT(taken, 60'000'000);
}

TEST(Deadlines, LingeringClientIsCutOff) {
  auto limits = with(&ServerLimits::linger_timeout, 100ms);
  limits.connections = 1;
  ServedTest served(limits);
  RawClient client(served.port);
  client.send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
  client.read_to_end();  // but it does not close itself
  EXPECT_TRUE(revoked::test::eventually([&] {
    RawClient next(served.port);
    return next.send(request) && !next.read_through("X-Path: /first").empty();
  }));
}

TEST(Drain, EndsIdleConnectionsSoon) {
  auto limits = with(&ServerLimits::drain_timeout, 1h);
  ServedTest served(limits);
  RawClient fresh(served.port);
  RawClient used(served.port);
  used.send(request);
  used.read_through("\r\n\r\n");
  served.server.drain();
  EXPECT_TRUE(fresh.is_closed_silently());
  EXPECT_TRUE(used.is_closed_silently());
  EXPECT_THROW(RawClient(served.port), std::runtime_error);
}

TEST(Drain, AnswersWhatHasBeenAsked) {
  ServedTest served(with(&ServerLimits::drain_timeout, 1h));
  RawClient client(served.port);
  RawClient idle(served.port);
  client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(revoked::test::eventually([&] { return served.service.requests == 1; }));
  auto drained = std::async(std::launch::async, [&] { served.server.drain(); });
  EXPECT_TRUE(idle.is_closed_silently());
  served.service.released = true;
  EXPECT_TRUE(client.read_to_end().ends_with("later"));
  EXPECT_TRUE(client.was_closed());
  drained.get();
}

TEST(Drain, SaysThatTheConnectionCloses) {
  auto limits = with(&ServerLimits::drain_timeout, 1h);
  limits.linger_timeout = 100ms;
  ServedTest served(limits);
  RawClient client(served.port);
  RawClient idle(served.port);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  client.read_through("100 Continue\r\n\r\n");
  auto drained = std::async(std::launch::async, [&] { served.server.drain(); });
  EXPECT_TRUE(idle.is_closed_silently());
  client.send("body" + request);
  const auto answer = client.read_to_end();
  EXPECT_EQ(test::count(answer, "HTTP/1.1 200 OK"), 1) << "no new requests are accepted";
  EXPECT_EQ(test::count(answer, "Connection: close"), 1);
  drained.get();
}

// A peer that sends a request at that very moment, as a proxy does, sees an end without an answer, and knows
// that it may repeat the request: a reset would leave that open.
TEST(Drain, ResetsNoRequestThatCrossesTheEnd) {
  auto limits = with(&ServerLimits::drain_timeout, 1h);
  limits.drain_linger_timeout = 1h;
  ServedTest served(limits);
  RawClient client(served.port);
  client.send(request);
  client.read_through("\r\n\r\n");
  auto drained = std::async(std::launch::async, [&] { served.server.drain(); });
  EXPECT_TRUE(client.is_closed_silently());
  EXPECT_TRUE(client.send(request));
  client.end_sending();
  drained.get();
  EXPECT_FALSE(client.was_reset());
  EXPECT_EQ(served.service.requests, 1);
}

// Busy connections are told by an answer, before any request can cross the end.
TEST(Drain, AnswersOneMoreRequest) {
  auto limits = with(&ServerLimits::drain_timeout, 1h);
  limits.drain_idle_timeout = 1h;
  ServedTest served(limits);
  RawClient used(served.port);
  RawClient fresh(served.port);
  used.send(request);
  used.read_through("\r\n\r\n");
  auto drained = std::async(std::launch::async, [&] { served.server.drain(); });
  ASSERT_TRUE(revoked::test::eventually([&] { return refuses_connections(served.port); }));
  for (auto* const client : {&used, &fresh}) {
    client->send(request);
    const auto answer = client->read_to_end();
    EXPECT_EQ(test::count(answer, "HTTP/1.1 200 OK"), 1);
    EXPECT_EQ(test::count(answer, "Connection: close"), 1);
    client->end_sending();
  }
  drained.get();
}

TEST(Drain, AnswersWhomTheKernelHasAccepted) {
  auto limits = with(&ServerLimits::drain_timeout, 1h);
  limits.drain_idle_timeout = 1h;
  ServedTest served(limits);
  RawClient first(served.port);
  first.send("GET /blocking HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(revoked::test::eventually([&] { return served.service.requests == 1; }));
  RawClient second(served.port);
  second.send(request);
  served.server.threads()[0]->drain();
  served.service.released = true;
  EXPECT_EQ(test::count(second.read_to_end(), "HTTP/1.1 200 OK"), 1);
  first.end_sending();
  second.end_sending();
}

TEST(Drain, DoesNotWaitForEver) {
  ServedTest served(with(&ServerLimits::drain_timeout, 300ms));
  RawClient head(served.port);
  RawClient body(served.port);
  RawClient reader(served.port, 4096);
  head.send("GET / HT");
  body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1234");
  reader.send("GET /big?size=32000000 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(revoked::test::eventually([&] { return served.service.requests == 1; }));
  const auto began = std::chrono::steady_clock::now();
  served.server.drain();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  EXPECT_TRUE(head.is_closed_silently());
  EXPECT_TRUE(body.is_closed_silently());
}

TEST(Drain, MayBeAskedForTwice) {
  ServedTest served;
  served.server.drain();
  served.server.drain();
}

}  // namespace revoked::net::deadlines_test
