// More connections, or more memory for them, than the limits allow.

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/net/http/raw_client.hpp"
#include "tests/net/http/test_service.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::net::eviction_test {

using namespace std::chrono_literals;
using revoked::test::eventually;
using test::RawClient;
using test::ServedTest;

const std::string request = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";

bool is_served(RawClient& client) {
  return client.send(request) && !client.read_through("X-Path: /first").empty() &&
         !client.read_through("\r\n\r\n").empty() && !client.was_closed();
}

ServerLimits limited_to(std::size_t connections) {
  ServerLimits limits;
  limits.connections = connections;
  limits.short_wait = 0ms;
  return limits;
}

TEST(Eviction, ClosesWhoHasAskedForNothing) {
  ServedTest served(limited_to(50));
  RawClient used(served.port);
  ASSERT_TRUE(is_served(used));
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 120; ++i) silent.push_back(std::make_unique<RawClient>(served.port));
  RawClient next(served.port);
  EXPECT_TRUE(is_served(next)) << "in spite of all silent connections";
  EXPECT_TRUE(is_served(used)) << "though it has been idle longest";
  EXPECT_TRUE(silent.front()->is_closed_silently());
}

TEST(Eviction, ClosesWhoHasBeenIdleLongest) {
  ServedTest served(limited_to(20));
  std::vector<std::unique_ptr<RawClient>> used;
  for (int i = 0; i < 20; ++i) {
    used.push_back(std::make_unique<RawClient>(served.port));
    ASSERT_TRUE(is_served(*used.back()));
  }
  ASSERT_TRUE(is_served(*used[0])) << "now the second has been idle longest";
  RawClient next(served.port);
  EXPECT_TRUE(is_served(next));
  EXPECT_TRUE(used[1]->is_closed_silently());
  EXPECT_TRUE(is_served(*used[0]));
}

TEST(Eviction, ClosesWhoSendsAHeadSlowly) {
  ServedTest served(limited_to(20));
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(std::make_unique<RawClient>(served.port));
    slow.back()->send("GET / HT");
  }
  EXPECT_TRUE(eventually([&] {
    RawClient next(served.port);
    return is_served(next);
  }));
}

TEST(Eviction, NeverClosesWhoIsBeingServed) {
  ServedTest served(limited_to(3));
  std::vector<std::unique_ptr<RawClient>> busy;
  for (int i = 0; i < 3; ++i) {
    busy.push_back(std::make_unique<RawClient>(served.port));
    busy.back()->send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  ASSERT_TRUE(eventually([&] { return served.service.requests == 3; }));
  RawClient next(served.port);
  EXPECT_TRUE(next.is_closed_silently());
  served.service.released = true;
  for (auto& client : busy) EXPECT_NE(client->read_through("later").find("200 OK"), std::string::npos);
  EXPECT_TRUE(eventually([&] {
    RawClient another(served.port);
    return is_served(another);
  })) << "connections are accepted again";
}

// Each would be sent hundreds of megabytes, and reads nothing.
TEST(Memory, OfAPipelineThatIsNotReadIsBounded) {
  ServedTest served;
  constexpr std::size_t answer_bytes = 100'000;
  std::string pipeline;
  for (int i = 0; i < 3'000; ++i) pipeline += "GET /big?size=100000 HTTP/1.1\r\nHost: a\r\n\r\n";
  RawClient client(served.port, 4096);
  client.send(pipeline);
  auto& thread = *served.server.threads().front();
  ASSERT_TRUE(eventually([&] { return thread.held_bytes() > 0; }));
  RawClient other(served.port);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(is_served(other));
    // Twice: a string doubles as it grows.
    EXPECT_LT(thread.held_bytes(), 2 * (ServerLimits{}.gathered_bytes + answer_bytes) + (1 << 20));
  }
  EXPECT_LT(served.service.requests, 200) << "responses that are not read are not produced";
}

TEST(Memory, OfAllWhoDoNotReadIsBoundedTogether) {
  ServerLimits limits;
  limits.held_bytes = 20 << 20;
  ServedTest served(limits);
  std::vector<std::unique_ptr<RawClient>> greedy;
  for (int i = 0; i < 15; ++i) {
    greedy.push_back(std::make_unique<RawClient>(served.port));
    greedy.back()->send("GET /big?size=8000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  }
  ASSERT_TRUE(eventually([&] { return served.service.requests == 15; }));
  auto& thread = *served.server.threads().front();
  RawClient other(served.port);
  ASSERT_TRUE(is_served(other));
  EXPECT_LE(thread.held_bytes(), limits.held_bytes);
  // Those that have not read for longest are closed, and the latest are still served.
  std::size_t whole = 0;
  for (auto& client : greedy) whole += client->read_to_end().size() > 8'000'000;
  EXPECT_GE(whole, 1);
  EXPECT_LE(whole, 3);
}

TEST(Memory, OfBodiesIsBoundedTogetherAndIsNotKeptByTheIdle) {
  ServerLimits limits;
  limits.held_bytes = 4 << 20;
  limits.trimmed_after = 0ms;
  ServedTest served(limits);
  const std::string body(900'000, 'x');
  std::vector<std::unique_ptr<RawClient>> open;
  for (int i = 0; i < 20; ++i) {
    open.push_back(std::make_unique<RawClient>(served.port));
    open.back()->send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 900001\r\n\r\n" + body);
  }
  auto& thread = *served.server.threads().front();
  std::size_t closed = 0;
  for (auto& client : open) closed += client->send("x") && client->read_through("\r\n\r\n").empty();
  EXPECT_GE(closed, 1);  // depends on how many bodies are complete before the last ones arrive
  open.clear();

  RawClient idle(served.port);
  idle.send("POST /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nDBBA0\r\n" + body +
            "\r\n0\r\n\r\n");
  EXPECT_NE(idle.read_through("\r\n\r\n"), "");
  EXPECT_TRUE(eventually([&] { return thread.held_bytes() == 0; })) << thread.held_bytes();
  EXPECT_TRUE(is_served(idle));
}

// A head may be large, but a small one takes little memory, and so does a large one once the connection is
// idle.
TEST(Memory, OfHeadsIsWhatHasArrivedOfThem) {
  ServerLimits limits;
  limits.trimmed_after = 0ms;
  ServedTest served(limits);
  auto& thread = *served.server.threads().front();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<RawClient>(served.port));
    clients.back()->send("GET /first HTTP/1.1\r\nHost: a\r\n");
  }
  ASSERT_TRUE(
      eventually([&] { return thread.held_bytes() >= clients.size() * Connection::read_chunk_bytes; }));
  EXPECT_LE(thread.held_bytes(), clients.size() * (Connection::read_chunk_bytes + 1024));
  const auto large = "X-Large: " + std::string(60 << 10, 'a') + "\r\n";
  for (auto& client : clients) client->send(large);
  ASSERT_TRUE(eventually([&] { return thread.held_bytes() > clients.size() * large.size(); }));
  EXPECT_LE(thread.held_bytes(), clients.size() * (2 * limits.head.bytes + 1024));
  for (auto& client : clients) {
    client->send("\r\n");
    EXPECT_NE(client->read_through("X-Path: /first"), "");
  }
  EXPECT_TRUE(eventually([&] { return thread.held_bytes() == 0; })) << thread.held_bytes();
}

TEST(Memory, OfHeadsIsBoundedTogether) {
  ServerLimits limits;
  limits.held_bytes = 2 << 20;
  ServedTest served(limits);
  auto& thread = *served.server.threads().front();
  std::vector<std::unique_ptr<RawClient>> slow;
  const auto part = "GET / HTTP/1.1\r\nHost: a\r\nX-Large: " + std::string(60 << 10, 'a');
  for (int i = 0; i < 60; ++i) {
    slow.push_back(std::make_unique<RawClient>(served.port));
    slow.back()->send(part);
  }
  EXPECT_TRUE(slow.front()->is_closed_silently());
  RawClient other(served.port);
  EXPECT_TRUE(is_served(other));
  EXPECT_LE(thread.held_bytes(), limits.held_bytes);
}

}  // namespace revoked::net::eviction_test
