// How the server handles bytes: keep-alive, pipelines, bodies, refusals.

#include "net/http/server.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tests/net/http/raw_client.hpp"
#include "tests/net/http/test_service.hpp"

namespace revoked::net::server_test {

using test::RawClient;
using test::ServedTest;

std::string echo(std::string_view body, std::string_view headers = {}) {
  return "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

TEST(Server, KeepsTheConnection) {
  ServedTest served;
  auto client = served.client();
  for (int i = 0; i < 10; ++i) {
    client.send(client.format("POST", "/p" + std::to_string(i), {}, "body " + std::to_string(i)));
    const auto answer = client.receive();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "body " + std::to_string(i));
    EXPECT_EQ(answer.header("X-Path"), "/p" + std::to_string(i));
    EXPECT_EQ(answer.header("X-Remote"), "127.0.0.1");
    EXPECT_EQ(answer.header("Connection"), "");
    EXPECT_FALSE(answer.header("Date").empty());
  }
}

TEST(Server, AnswersAPipelineInOrder) {
  ServedTest served;
  auto client = served.client();
  std::string pipeline;
  for (int i = 0; i < 300; ++i)
    pipeline += client.format("POST", "/" + std::to_string(i), {}, std::to_string(i));
  client.send(pipeline);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(client.receive().body, std::to_string(i));
}

TEST(Server, AnswersAPipelineOfLargeAnswersInOrder) {
  ServedTest served;
  auto client = served.client();
  std::string pipeline;
  for (int i = 0; i < 20; ++i) pipeline += client.format("GET", "/big?size=" + std::to_string(100'000 + i));
  client.send(pipeline);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(client.receive().body.size(), 100'000 + i);
}

TEST(Server, PutsARequestTogetherFromSingleBytes) {
  ServedTest served;
  RawClient client(served.port);
  const auto request = echo("0123456789");
  for (const char c : request) ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_TRUE(client.read_through("0123456789").starts_with("HTTP/1.1 200 OK\r\n"));
  for (std::size_t at = 1; at < request.size(); ++at) {
    ASSERT_TRUE(client.send(request.substr(0, at)));
    ASSERT_TRUE(client.send(request.substr(at)));
    ASSERT_TRUE(client.read_through("0123456789").starts_with("HTTP/1.1 200 OK\r\n")) << at;
  }
}

TEST(Server, HandlerMayAnswerLater) {
  ServedTest served;
  auto client = served.client();
  client.send(client.format("GET", "/later") + client.format("GET", "/after"));
  EXPECT_FALSE(client.is_closed_within(std::chrono::milliseconds(20)));
  served.service.released = true;
  EXPECT_EQ(client.receive().body, "later");
  EXPECT_EQ(client.receive().header("X-Path"), "/after");
}

TEST(Server, AnswersAClientThatSendsNothingMore) {
  ServedTest served;
  RawClient client(served.port);
  client.send(echo("last words"));
  client.end_sending();
  EXPECT_TRUE(client.read_to_end().ends_with("last words"));
  EXPECT_TRUE(client.was_closed());
}

TEST(Server, AnswersALongPipelineOfAClientThatSendsNothingMore) {
  ServedTest served;
  RawClient client(served.port);
  std::string pipeline;
  for (int i = 0; i < 1000; ++i) pipeline += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(pipeline);
  client.end_sending();
  const auto answers = client.read_to_end();
  EXPECT_EQ(test::count(answers, "HTTP/1.1 200 OK"), 1000);
  EXPECT_NE(answers.find("X-Path: /999\r\n"), std::string::npos);
  EXPECT_TRUE(client.was_closed());
}

TEST(Server, AnswersOthersWhileOneSendsWithoutEnd) {
  ServedTest served;
  RawClient greedy(served.port);
  std::string pipeline;
  for (int i = 0; i < 2000; ++i) pipeline += "GET /big?size=1000 HTTP/1.1\r\nHost: a\r\n\r\n";
  std::thread sender([&] { greedy.send(pipeline); });
  for (int i = 0; i < 20; ++i) {
    RawClient other(served.port);
    other.send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(other.read_through("X-Path: /other"), "");
  }
  for (int i = 0; i < 2000; ++i) ASSERT_NE(greedy.read_through("HTTP/1.1 200 OK"), "");
  sender.join();
}

TEST(Server, NumbersTheRequestsThatHaveNoId) {
  ServedTest served;
  RawClient client(served.port);
  std::string pipeline;
  for (int i = 0; i < 300; ++i) pipeline += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(pipeline);
  std::set<std::string> ids;
  std::string id;
  for (int i = 0; i < 300; ++i) {
    client.read_through("X-Request-Id: ");
    id = client.read_through("\r\n").substr(0, 20);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 300);
  EXPECT_TRUE(id.ends_with("00000000012c")) << id;
}

TEST(Server, ClosesWhenAskedTo) {
  ServedTest served;
  for (const auto* request : {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                              "GET / HTTP/1.0\r\n\r\n", "GET /close HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    RawClient client(served.port);
    client.send(std::string(request) + "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto answer = client.read_to_end();
    EXPECT_TRUE(client.was_closed());
    EXPECT_EQ(test::count(answer, "HTTP/1.1 200 OK"), 1) << "nothing after the last is answered";
    EXPECT_EQ(test::count(answer, "Connection: close"), 1);
  }
}

TEST(Server, TellsAnOldClientThatTheConnectionStays) {
  ServedTest served;
  RawClient client(served.port);
  client.send("GET /one HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /two HTTP/1.0\r\n\r\n");
  const auto answers = client.read_to_end();
  EXPECT_EQ(test::count(answers, "HTTP/1.1 200 OK"), 2);
  EXPECT_EQ(test::count(answers, "Connection: keep-alive"), 1);
  EXPECT_EQ(test::count(answers, "Connection: close"), 1);
}

TEST(Server, AnswersHeadWithoutABody) {
  ServedTest served;
  auto client = served.client();
  const auto answer = client.request("HEAD", "/big?size=1000");
  EXPECT_EQ(answer.header("Content-Length"), "1000");
  EXPECT_EQ(client.get("/next").header("X-Path"), "/next");
}

TEST(Server, NoContentIsNothingAtAll) {
  ServedTest served;
  RawClient client(served.port);
  client.send("GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto answer = client.read_to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 204 No Content\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
  EXPECT_EQ(test::count(answer, "Content-Length"), 0);
}

TEST(Server, RequestHasTheIdThatItCameWith) {
  ServedTest served;
  auto client = served.client();
  EXPECT_EQ(client.get("/", {{"X-Request-Id", "Trace-1_2.3"}}).header("X-Request-Id"), "Trace-1_2.3");
  EXPECT_EQ(client.get("/", {{"X-Request-Id", std::string(64, 'a')}}).header("X-Request-Id"),
            std::string(64, 'a'));
}

TEST(Server, RequestWithoutAUsableIdGetsOneOfItsOwn) {
  ServedTest served;
  auto client = served.client();
  std::set<std::string> ids;
  for (const auto& id : {std::string(), std::string(65, 'a'), std::string("a b"), std::string("a\tb"),
                         std::string("a;b"), std::string("<a>"), std::string("\xc3\xa4")}) {
    const auto given = client.get("/", {{"X-Request-Id", id}}).header("X-Request-Id");
    EXPECT_EQ(given.size(), 20) << given;
    EXPECT_EQ(given.find_first_not_of("0123456789abcdef"), std::string::npos);
    ids.insert(given);
  }
  EXPECT_EQ(ids.size(), 7);
}

TEST(Server, AsksForTheBodyThatIsExpectedToBeAskedFor) {
  ServedTest served;
  auto client = served.client();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send("he");
  client.send("llo");
  EXPECT_EQ(client.receive().body, "hello");
  client.send(echo("again", "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.receive().body, "again") << "it has arrived already";
}

TEST(Server, RefusesABodyOverTheLimitBeforeItIsSent) {
  ServedTest served;
  RawClient client(served.port);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n");
  const auto answer = client.read_to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 Content Too Large\r\n")) << answer;
  EXPECT_NE(answer.find("application/problem+json"), answer.npos);
  EXPECT_TRUE(client.was_closed());
}

TEST(Server, DeliversTheRefusalToAClientThatGoesOnSending) {
  ServedTest served;
  RawClient client(served.port);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" +
              std::string(2'000'000, 'x'));
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 413 "));
}

TEST(Server, TakesABodyAtTheLimit) {
  ServedTest served;
  auto client = served.client();
  const std::string body(1 << 20, 'x');
  client.send(echo(body));
  EXPECT_EQ(client.receive().body, body);
}

TEST(Server, RefusesAHeadOverTheLimits) {
  ServedTest served;
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  std::string many;
  for (int i = 0; i < 1300; ++i) many += "a:\r\n";
  for (const auto& head :
       {start + "X: " + std::string(66'000, 'a'), start + many + "\r\n", std::string(66'000, 'A')}) {
    RawClient client(served.port);
    client.send(head);
    EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 431 "));
    EXPECT_TRUE(client.was_closed());
  }
}

// What proxies forward: nginx takes 4 lines of 8 KiB, and any number of headers.
TEST(Server, TakesAHeadAsLargeAsProxiesPassOn) {
  ServedTest served;
  auto client = served.client();
  const revoked::test::Headers large(4, {"X-Large", std::string((8 << 10) - 11, 'a')});
  EXPECT_EQ(client.get("/large", large).status, 200);
  const revoked::test::Headers many(499, {"X-Field", "value"});  // and Host
  EXPECT_EQ(client.get("/many", many).status, 200);
  auto head = client.format("GET", "/largest", {{"X-Large", ""}});
  head.insert(head.size() - 4, (64 << 10) - head.size(), 'a');
  client.send(head);
  EXPECT_EQ(client.receive().header("X-Path"), "/largest");
  RawClient in_lines(served.port);
  for (std::string_view rest = head; !rest.empty();) {
    const auto size = std::min<std::size_t>(rest.size(), 1'000);
    ASSERT_TRUE(in_lines.send(rest.substr(0, size)));
    rest.remove_prefix(size);
  }
  EXPECT_NE(in_lines.read_through("X-Path: /largest"), "");
}

// With each piece of the body: the head is not parsed again.
TEST(Server, ReadsAHeadTwiceAtMostHoweverItsBodyComes) {
  ServedTest served;
  RawClient client(served.port);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n");
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(client.send("x"));
  EXPECT_NE(client.read_through(std::string(200, 'x')), "");
  EXPECT_LE(served.service.heads, 2);
}

TEST(Server, TellsAClientWithoutCrWhatIsWrongHoweverItsHeadComes) {
  ServedTest served;
  RawClient client(served.port);
  for (const char c : std::string("GET / HTTP/1.1\nHost: a\n\n")) client.send({&c, 1});
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 400 "));
}

TEST(Server, ClosesBehindARefusal) {
  ServedTest served;
  RawClient client(served.port);
  client.send(echo("good") +
              "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\n" +
              echo("smuggled"));
  const auto answers = client.read_to_end();
  EXPECT_TRUE(client.was_closed());
  EXPECT_EQ(test::count(answers, "HTTP/1.1 200 OK"), 1) << "earlier requests are answered";
  EXPECT_EQ(test::count(answers, "HTTP/1.1 400 Bad Request"), 1);
  EXPECT_EQ(test::count(answers, "HTTP/1.1 "), 2);
  EXPECT_EQ(served.service.requests, 1);
}

TEST(Server, OutlivesAHandlerWithABug) {
  ServedTest served;
  testing::internal::CaptureStderr();
  {
    RawClient client(served.port);
    client.send("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(client.is_closed_silently());
  }
  EXPECT_EQ(served.client().get("/").status, 200);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("a handler with a bug"), std::string::npos);
}

TEST(Server, ListensOnNothingThatIsTaken) {
  ServedTest served;
  auto options = test::loopback();
  options.listen.port(served.port);
  test::TestService service;
  EXPECT_THROW(Server(options, service, nullptr), boost::system::system_error);
}

TEST(Server, ReadsWhereToListen) {
  const auto text = [](std::string_view listen) {
    const auto endpoint = parse_listen(listen);
    return endpoint ? endpoint->address().to_string() + " " + std::to_string(endpoint->port()) : "";
  };
  EXPECT_EQ(text("127.0.0.1:7385"), "127.0.0.1 7385");
  EXPECT_EQ(text("localhost:0"), "127.0.0.1 0");
  EXPECT_EQ(text("[::1]:80"), "::1 80");
  EXPECT_EQ(text(":80"), "0.0.0.0 80");
  for (const auto* listen : {"", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
                             "127.0.0.1:-1", "127.0.0.1:80 ", "example.org:80", "::1"}) {
    EXPECT_EQ(text(listen), "") << listen;
  }
}

}  // namespace revoked::net::server_test
