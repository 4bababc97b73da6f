#include "net/http/request_head.hpp"

#include <gtest/gtest.h>

#include "tests/net/http/head_cases.hpp"

namespace revoked::net::request_head_test {

using test::with_headers;
using test::with_host;
using test::with_line;
using Kind = HeadResult::Kind;

HeadResult read(const std::string& head, Request& request, const HeadLimits& limits = {}) {
  return read_head(head, limits, request);
}
HeadResult read(const std::string& head, const HeadLimits& limits = {}) {
  Request request;
  return read(head, request, limits);
}
bool keeps_alive(const std::string& head) {
  Request request;
  EXPECT_EQ(read(head, request).kind, Kind::complete) << head;
  return request.keep_alive;
}

TEST(RequestHead, RefusesWhatCouldSmuggleARequest) {
  for (const auto& c : test::smuggling_cases()) {
    const auto result = read(c.head);
    EXPECT_EQ(result.kind, Kind::refused) << c.what;
    EXPECT_EQ(result.status, c.status) << c.what << ": " << result.reason;
    EXPECT_FALSE(result.reason.empty()) << c.what;
  }
}

TEST(RequestHead, RefusesWhatIsNotStrictHttp) {
  for (const auto& c : test::refused_cases()) {
    const auto result = read(c.head);
    EXPECT_EQ(result.kind, Kind::refused) << c.what;
    EXPECT_EQ(result.status, c.status) << c.what << ": " << result.reason;
  }
}

TEST(RequestHead, PassesWhatIs) {
  for (const auto& c : test::passing_cases()) {
    const auto result = read(c.head + "the body");
    EXPECT_EQ(result.kind, Kind::complete) << c.what << ": " << result.reason;
    EXPECT_EQ(result.size, c.head.size()) << c.what;
  }
}

TEST(RequestHead, TakesTheRequestLineApart) {
  const auto head = with_line("DELETE /v1/keys/a%2Fb?reason=x?y HTTP/1.1");
  Request request;
  ASSERT_EQ(read(head, request).kind, Kind::complete);
  EXPECT_EQ(request.method, Method::delete_);
  EXPECT_EQ(request.method_name, "DELETE");
  EXPECT_EQ(request.path, "/v1/keys/a%2Fb");
  EXPECT_EQ(request.query, "reason=x?y");
  EXPECT_FALSE(request.is_http_1_0);
}

TEST(RequestHead, KnowsTheMethods) {
  const std::pair<std::string, Method> methods[] = {
      {"GET", Method::get},     {"HEAD", Method::head},       {"POST", Method::post},
      {"PUT", Method::put},     {"PATCH", Method::patch},     {"DELETE", Method::delete_},
      {"BREW", Method::other},  {"OPTIONS", Method::options}, {"get", Method::other},
      {"TRACE", Method::trace}, {"CONNECT", Method::connect},
  };
  for (const auto& [name, method] : methods) {
    const auto head = with_line(name + " / HTTP/1.1");
    Request request;
    ASSERT_EQ(read(head, request).kind, Kind::complete) << name;
    EXPECT_EQ(request.method, method) << name;
  }
}

TEST(RequestHead, AbsoluteTargetIsReadAsItsPath) {
  const auto with_path = with_host("Host: A:80\r\n", "GET http://a:80/x?y HTTP/1.1");
  const auto bare = with_host("Host: a\r\n", "GET http://a HTTP/1.1");
  Request request;
  ASSERT_EQ(read(with_path, request).kind, Kind::complete);
  EXPECT_EQ(request.path, "/x");
  EXPECT_EQ(request.query, "y");
  request = {};
  ASSERT_EQ(read(bare, request).kind, Kind::complete);
  EXPECT_EQ(request.path, "/");
}

// RFC 9112, 3.2: an absent path is the root, and for OPTIONS the server as a whole.
TEST(RequestHead, TargetMayNameTheServer) {
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"GET HTTP://A?x=/y HTTP/1.1", "/", "x=/y"},
      {"GET hTTp://a/b HTTP/1.1", "/b", ""},
      {"OPTIONS http://a HTTP/1.1", "*", ""},
      {"OPTIONS http://a/ HTTP/1.1", "/", ""},
      {"OPTIONS http://a?x HTTP/1.1", "/", "x"},
      {"OPTIONS * HTTP/1.1", "*", ""},
      {"CONNECT a HTTP/1.1", "*", ""},
      {"CONNECT /livez HTTP/1.1", "/livez", ""}};
  for (const auto& [line, path, query] : cases) {
    const auto head = with_line(line);
    Request request;
    ASSERT_EQ(read(head, request).kind, Kind::complete) << line;
    EXPECT_EQ(request.path, path) << line;
    EXPECT_EQ(request.query, query) << line;
  }
}

TEST(RequestHead, HostIsANameOrAnAddressAndAPort) {
  for (const std::string host : {"", "a", "a:", "a:0", "a:65535", "a:00080", "127.0.0.1", "127.0.0.1:80",
                                 "[::1]", "[::1]:", "[::1]:80", "[2001:DB8::192.0.2.1]",
                                 "xn--bcher-kva.example", "a%2Db", "A_b~c!$&'()*+,;=", "999.1.1.1"}) {
    EXPECT_EQ(read(with_host("Host: " + host + "\r\n")).kind, Kind::complete) << host;
  }
  for (const std::string host : {"]",
                                 "[",
                                 "[]",
                                 "[::1",
                                 "::1",
                                 "[::1]]",
                                 "[::1]80",
                                 "[::1]:a",
                                 "[:::1]",
                                 "[1.2.3.4]",
                                 "[a]",
                                 "[::1%25lo]",
                                 "[::1%lo]",
                                 "[v1.x]",
                                 "[::ffff:1.2.3.400]",
                                 "[00000000000000000000000000000000000000000000000000::1]",
                                 "a:b",
                                 "a:80:80",
                                 "a:+80",
                                 "a:-1",
                                 "a:65536",
                                 "a:80b",
                                 ":80",
                                 ":",
                                 "a%",
                                 "a%2",
                                 "a%zz",
                                 "a[b]",
                                 "a]",
                                 "a b",
                                 "a\"b",
                                 "a\\b",
                                 "a<b",
                                 "a#b",
                                 "a?b",
                                 "a/b",
                                 "a@b",
                                 "a:80/",
                                 "\xc3\xa4"}) {
    const auto result = read(with_host("Host: " + host + "\r\n"));
    EXPECT_EQ(result.status, 400) << host;
    EXPECT_EQ(result.reason, "malformed Host") << host;
    const auto old = read(with_host("Host: " + host + "\r\n", "GET / HTTP/1.0"));
    EXPECT_EQ(old.status, 400) << host;
  }
}

TEST(RequestHead, HeadersLoseTheirBlanksAndTheirCase) {
  const auto head = with_headers("AUTHORIZATION: \t Bearer  x \t\r\nX-Api-Key:y\r\nAccept:\r\n");
  Request request;
  ASSERT_EQ(read(head, request).kind, Kind::complete);
  EXPECT_EQ(request[Header::authorization], "Bearer  x");
  EXPECT_EQ(request[Header::x_api_key], "y");
  EXPECT_EQ(request[Header::accept], "");
  EXPECT_NE(request[Header::accept].data(), nullptr) << "empty is not absent";
  EXPECT_EQ(request[Header::prefer].data(), nullptr);
}

TEST(RequestHead, ReadsTheFraming) {
  const auto sized = with_headers("Content-Length: 0012\r\n", "POST / HTTP/1.1");
  const auto largest = with_headers("Content-Length: 18446744073709551615\r\n", "POST / HTTP/1.1");
  const auto chunked = with_headers("Transfer-Encoding: Chunked\r\n", "POST / HTTP/1.1");
  Request request;
  ASSERT_EQ(read(sized, request).kind, Kind::complete);
  EXPECT_EQ(request.content_length, 12);
  EXPECT_FALSE(request.is_chunked);
  request = {};
  ASSERT_EQ(read(largest, request).kind, Kind::complete);
  EXPECT_EQ(request.content_length, UINT64_MAX);
  request = {};
  ASSERT_EQ(read(chunked, request).kind, Kind::complete);
  EXPECT_TRUE(request.is_chunked);
  EXPECT_EQ(request.content_length, 0);
}

TEST(RequestHead, ExpectationIsOfHttp11Only) {
  const std::string headers = "Expect: 100-continue\r\nContent-Length: 1\r\n";
  const auto http_1_1 = with_headers(headers, "POST / HTTP/1.1");
  const auto http_1_0 = with_headers(headers, "POST / HTTP/1.0");
  Request request;
  ASSERT_EQ(read(http_1_1, request).kind, Kind::complete);
  EXPECT_TRUE(request.expects_continue);
  request = {};
  ASSERT_EQ(read(http_1_0, request).kind, Kind::complete);
  EXPECT_FALSE(request.expects_continue);
  EXPECT_TRUE(request.is_http_1_0);
}

TEST(RequestHead, ConnectionStaysOrClosesAsItsTokensSay) {
  EXPECT_TRUE(keeps_alive(with_headers("")));
  EXPECT_TRUE(keeps_alive(with_headers("Connection: keep-alive\r\n")));
  EXPECT_TRUE(keeps_alive(with_headers("Connection: closed, not-close\r\n")));
  EXPECT_FALSE(keeps_alive(with_headers("Connection: close\r\n")));
  EXPECT_FALSE(keeps_alive(with_headers("Connection: Upgrade ,\tCLOSE\r\n")));
  EXPECT_FALSE(keeps_alive(with_headers("Connection: keep-alive\r\nConnection: close\r\n")));
  EXPECT_FALSE(keeps_alive(with_headers("Connection: close\r\nConnection: keep-alive\r\n")));
  EXPECT_FALSE(keeps_alive(with_headers("Connection:\r\nConnection: close\r\n")));
  EXPECT_FALSE(keeps_alive(with_headers("", "GET / HTTP/1.0")));
  EXPECT_TRUE(keeps_alive(with_headers("Connection: Keep-Alive\r\n", "GET / HTTP/1.0")));
  EXPECT_FALSE(keeps_alive(with_headers("Connection: keep-alive, close\r\n", "GET / HTTP/1.0")));
}

TEST(RequestHead, FirstRequestIdCounts) {
  const auto head = with_headers("X-Request-Id: a\r\nX-Request-Id: b\r\n");
  Request request;
  ASSERT_EQ(read(head, request).kind, Kind::complete);
  EXPECT_EQ(request[Header::x_request_id], "a");
}

TEST(RequestHead, LimitsTheBytesOfAHead) {
  const HeadLimits limits{200, 64, 100};
  const auto fixed = with_headers("X: \r\n").size();
  const auto largest = with_headers("X: " + std::string(limits.bytes - fixed, 'a') + "\r\n");
  const auto larger = with_headers("X: " + std::string(limits.bytes - fixed + 1, 'a') + "\r\n");
  ASSERT_EQ(largest.size(), limits.bytes);
  EXPECT_EQ(read(largest, limits).kind, Kind::complete);
  EXPECT_EQ(read(largest + larger, limits).kind, Kind::complete) << "bytes after the head do not count";
  EXPECT_EQ(read(larger, limits).status, 431);
  EXPECT_EQ(read(std::string(limits.bytes, 'A'), limits).status, 431) << "without any end of line";
  EXPECT_EQ(read(std::string(limits.bytes - 1, 'A'), limits).kind, Kind::incomplete);
}

TEST(RequestHead, LimitsTheNumberOfHeaders) {
  std::string headers;
  for (std::size_t i = 1; i < HeadLimits().headers; ++i) headers += "a:\r\n";
  EXPECT_EQ(read(with_headers(headers)).kind, Kind::complete) << "with Host, exactly the limit";
  EXPECT_EQ(read(with_headers(headers + "a:\r\n")).status, 431);
  std::string thousands;
  for (int i = 0; i < 1300; ++i) thousands += "a:\r\n";
  EXPECT_EQ(read(with_headers(thousands)).status, 431);
}

TEST(RequestHead, LimitsTheTarget) {
  const auto with_target = [](std::size_t size) {
    return with_line("GET /" + std::string(size - 1, 'a') + " HTTP/1.1");
  };
  EXPECT_EQ(read(with_target(HeadLimits().target_bytes)).kind, Kind::complete);
  EXPECT_EQ(read(with_target(HeadLimits().target_bytes + 1)).status, 414);
}

}  // namespace revoked::net::request_head_test
