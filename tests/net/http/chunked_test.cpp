// Bodies in the chunked coding (RFC 9112, section 7.1).

#include <gtest/gtest.h>

#include <random>

#include "tests/net/http/raw_client.hpp"
#include "tests/net/http/test_service.hpp"

namespace revoked::net::chunked_test {

using test::RawClient;
using test::ServedTest;

const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string follow_up = "GET /follow-up HTTP/1.1\r\nHost: a\r\n\r\n";

std::string chunk(std::string_view data) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + std::string(data) + "\r\n";
}

std::string chunks(std::string_view body, std::size_t largest) {
  std::string out;
  for (; !body.empty(); body.remove_prefix(std::min(largest, body.size())))
    out += chunk(body.substr(0, largest));
  return out + "0\r\n\r\n";
}

TEST(ChunkedBody, IsPutTogether) {
  ServedTest served;
  auto client = served.client();
  std::string body;
  for (int i = 0; i < 2'000; ++i) body += std::to_string(i);
  for (const std::size_t largest : {1u, 7u, 1000u, 100'000u}) {
    client.send(head + chunks(body, largest));
    ASSERT_EQ(client.receive().body, body);
  }
  client.send(head + "0\r\n\r\n");
  EXPECT_EQ(client.receive().body, "");
}

TEST(ChunkedBody, MayArriveInAnyPieces) {
  ServedTest served;
  auto client = served.client();
  const auto request = head + chunks("hello, world", 5);
  for (std::size_t at = 1; at < request.size(); ++at) {
    client.send(request.substr(0, at));
    client.send(request.substr(at));
    ASSERT_EQ(client.receive().body, "hello, world") << at;
  }
  for (const char c : request) client.send({&c, 1});
  EXPECT_EQ(client.receive().body, "hello, world");
}

TEST(ChunkedBody, IsFollowedByTheNextRequest) {
  ServedTest served;
  auto client = served.client();
  std::string pipeline;
  for (int i = 0; i < 100; ++i) pipeline += head + chunks("body", 3) + follow_up;
  std::mt19937 random(1);
  for (std::size_t at = 0, size = 0; at < pipeline.size(); at += size) {
    size = random() % 300 + 1;
    client.send(pipeline.substr(at, size));
  }
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(client.receive().body, "body");
    ASSERT_EQ(client.receive().header("X-Path"), "/follow-up");
  }
}

TEST(ChunkedBody, MayFollowAnEmptyLine) {
  ServedTest served;
  auto client = served.client();
  client.send("\r\n" + head + chunks("body", 3) + "\r\n" + follow_up);
  EXPECT_EQ(client.receive().body, "body");
  EXPECT_EQ(client.receive().header("X-Path"), "/follow-up");
}

TEST(ChunkedBody, IsAskedForIfExpected) {
  ServedTest served;
  auto client = served.client();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send(chunks("hello", 2));
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(ChunkedBody, TrailersAndExtensionsAreDropped) {
  ServedTest served;
  auto client = served.client();
  client.send(head + "5;name=value;other\r\nhello\r\n0\r\nX-Checksum: 3\r\nX-A: b\r\n\r\n" + follow_up);
  EXPECT_EQ(client.receive().body, "hello");
  EXPECT_EQ(client.receive().header("X-Path"), "/follow-up");
}

TEST(ChunkedBody, IsRefusedIfMalformed) {
  ServedTest served;
  for (const std::string body : {"g\r\n",
                                 "\r\n",
                                 "-1\r\n",
                                 "+5\r\nhello\r\n0\r\n\r\n",
                                 "0x5\r\nhello\r\n0\r\n\r\n",
                                 "5\nhello\n0\n\n\r\n",
                                 "5\r\nhelloX\r\n0\r\n\r\n",
                                 "5\r\nhello\n0\r\n\r\n",
                                 "5\r\nhell\r\n0\r\n\r\n",
                                 "10000000000000000\r\n",
                                 "5;a\nb\r\nhello\r\n0\r\n\r\n",
                                 "5;\x01\r\nhello\r\n0\r\n\r\n",
                                 "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
                                 "5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n",
                                 "5;a=\"\\\x7f\"\r\nhello\r\n0\r\n\r\n",
                                 "5\r\nhello\r\n0;a=\"\n\"\r\n\r\n",
                                 " 5\r\nhello\r\n0\r\n\r\n",
                                 "5\r\r\nhello\r\n0\r\n\r\n",
                                 "0\r\nno trailer\r\n\r\n",
                                 "0\r\nX : y\r\n\r\n",
                                 "0\r\nX: y\n\r\n\r\n",
                                 "0\r\nX: \x01\r\n\r\n",
                                 "0\r\nContent-Length: 3\r\n\r\n",
                                 "0\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    RawClient client(served.port);
    client.send(head + body);
    client.end_sending();
    const auto answer = client.read_to_end();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << body << answer;
    EXPECT_EQ(test::count(answer, "HTTP/1.1 "), 1) << body;
    EXPECT_TRUE(client.was_closed()) << body;
  }
}

// The head has one parser: how another one would read it (here one that takes `c/x` for no token) does not
// affect the body.
TEST(ChunkedBody, IsReadBehindAnyHeadThatIsAccepted) {
  ServedTest served;
  auto client = served.client();
  for (const std::string line : {"Connection: c/x", "Connection: \"", "Proxy-Connection: ,;", "Upgrade: ;/",
                                 "Upgrade: h2c", "Connection: upgrade\r\nUpgrade: websocket"}) {
    client.send("POST /echo HTTP/1.1\r\n" + line + "\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                chunks("a: b\r\n\r\n", 3) + follow_up);
    ASSERT_EQ(client.receive().body, "a: b\r\n\r\n") << line;
    ASSERT_EQ(client.receive().header("X-Path"), "/follow-up") << line;
  }
}

// RFC 9110, section 9.3.2: no content, whatever the response is.
TEST(ChunkedBody, OfAHeadRequestIsRefusedWithoutContent) {
  ServedTest served;
  for (const std::string rest :
       {"Transfer-Encoding: chunked\r\n\r\ng\r\n", "Content-Length: 99999999\r\n\r\n"}) {
    RawClient client(served.port);
    client.send("HEAD /echo HTTP/1.1\r\nHost: a\r\n" + rest);
    client.end_sending();
    const auto answer = client.read_to_end();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 4")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  }
}

TEST(ChunkedBody, ThatStopsShortIsNotServed) {
  ServedTest served;
  const auto request = head + chunks("hello", 5);
  for (std::size_t size = head.size(); size < request.size(); ++size) {
    RawClient client(served.port);
    client.send(request.substr(0, size));
    client.end_sending();
    EXPECT_TRUE(client.is_closed_silently());
  }
  EXPECT_EQ(served.service.requests, 0);
}

TEST(ChunkedBody, IsRefusedOverTheLimit) {
  ServedTest served;
  for (const auto& body : {chunks(std::string((1 << 20) + 1, 'x'), 10'000), std::string("100001\r\n"),
                           std::string("FFFFFFFFFFFFFFFF\r\n")}) {
    RawClient client(served.port);
    client.send(head + body);
    EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 413 "));
    EXPECT_TRUE(client.was_closed());
  }
  auto client = served.client();
  client.send(head + chunks(std::string(1 << 20, 'x'), 10'000));
  EXPECT_EQ(client.receive().body.size(), 1 << 20) << "at the limit";
}

TEST(ChunkedBody, IsNoWayAroundTheLimits) {
  ServedTest served;
  std::string trailers = "0\r\n";
  for (int i = 0; i < 300'000; ++i) trailers += "a: b\r\n";
  std::string tiny;
  for (int i = 0; i < 600'000; ++i) tiny += "1;x\r\nx\r\n";
  for (const auto& body : {"1;" + std::string(3 << 20, 'x'), trailers + "\r\n", tiny}) {
    RawClient client(served.port);
    client.send(head + body);
    const auto answer = client.read_to_end();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 4")) << answer.substr(0, 100);
    EXPECT_TRUE(client.was_closed());
  }
  EXPECT_EQ(served.service.requests, 0);
}

}  // namespace revoked::net::chunked_test
