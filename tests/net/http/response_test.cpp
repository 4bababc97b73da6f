#include "net/http/response.hpp"

#include <gmock/gmock.h>

#include "net/http/problem.hpp"
#include "tests/support/json.hpp"

namespace revoked::net::response_test {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

struct Written {
  std::string out;
  Response response{out, "id-1", true, false};
};
struct WrittenHead {
  std::string out;
  Response response{out, "id-1", true, true};
};

TEST(Response, IsAStatusLineHeadersAndTheBody) {
  Written w;
  w.response.header("X-A", "b").header("X-C", "d");
  w.response.send(200, "text/plain", "hello");
  EXPECT_THAT(w.out, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(w.out, HasSubstr("\r\nContent-Type: text/plain\r\n"));
  EXPECT_THAT(w.out, HasSubstr("\r\nX-Request-Id: id-1\r\nX-A: b\r\nX-C: d\r\n"));
  EXPECT_THAT(w.out, EndsWith("\r\nContent-Length: 5\r\n\r\nhello"));
  EXPECT_THAT(w.out, Not(HasSubstr("Connection")));
  EXPECT_EQ(w.response.status(), 200);
}

TEST(Response, GoesBehindEarlierOnes) {
  Written w;
  w.out = "earlier";
  w.response.send_json(201, "{}");
  EXPECT_THAT(w.out, StartsWith("earlierHTTP/1.1 201 Created\r\n"));
  EXPECT_THAT(w.out, HasSubstr("Content-Type: application/json\r\n"));
}

TEST(Response, NextOneKnowsNothingOfTheOneBefore) {
  Written w;
  bool is_read = false;
  SentResponse sent;
  w.response.header("X-A", "b").close_unless_read(is_read);
  w.response.accept_only(true);
  w.response.announce_keep_alive();
  w.response.record_in(&sent);
  w.response.send(200, "text/plain", "hello");
  EXPECT_EQ(sent.status, 202);
  w.out.clear();
  w.response.begin("id-2", true, false);
  EXPECT_EQ(w.response.status(), 0);
  w.response.send_json(200, "{}");
  EXPECT_THAT(w.out, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(w.out, HasSubstr("\r\nX-Request-Id: id-2\r\nContent-Length: 2\r\n"));
  EXPECT_EQ(sent.status, 202);
}

TEST(Response, WithoutContentSaysThatItIsEmpty) {
  Written w;
  w.response.send(401);
  EXPECT_THAT(w.out, EndsWith("Content-Length: 0\r\n\r\n"));
  EXPECT_THAT(w.out, Not(HasSubstr("Content-Type")));
}

TEST(Response, NoContentHasNoLengthEither) {
  for (const unsigned status : {204u, 304u}) {
    Written w;
    w.response.send(status);
    EXPECT_THAT(w.out, Not(HasSubstr("Content-Length")));
    EXPECT_THAT(w.out, Not(HasSubstr("Transfer-Encoding")));
    EXPECT_THAT(w.out, EndsWith("\r\n\r\n"));
  }
}

TEST(Response, ToHeadHasTheLengthButNotTheBody) {
  WrittenHead w;
  w.response.send_json(200, "{\"a\":1}");
  EXPECT_THAT(w.out, EndsWith("Content-Length: 7\r\n\r\n"));
}

TEST(Response, SaysWhenTheConnectionCloses) {
  Written w;
  w.response.close_after();
  w.response.send(200);
  EXPECT_THAT(w.out, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_FALSE(w.response.keep_alive());
}

TEST(Response, StreamIsChunked) {
  Written w;
  w.response.begin_stream(200, "text/event-stream");
  EXPECT_THAT(w.out, EndsWith("Transfer-Encoding: chunked\r\n\r\n"));
  EXPECT_THAT(w.out, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(w.response.status(), 200);
}

TEST(Response, StreamOfAnOldClientEndsWithTheConnection) {
  Written w;
  w.response.begin_stream(200, "text/event-stream", false);
  EXPECT_THAT(w.out, EndsWith("Connection: close\r\n\r\n"));
  EXPECT_THAT(w.out, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_FALSE(w.response.keep_alive());
}

TEST(Response, DateIsAnImfFixdate) {
  EXPECT_THAT(std::string(date_header()), MatchesRegex("Date: [A-Z][a-z][a-z], [0-9][0-9] [A-Z][a-z][a-z] "
                                                       "[0-9]+ [0-9][0-9]:[0-9][0-9]:[0-9][0-9] GMT\r\n"));
}

TEST(Response, KnowsThePhraseOfEveryStatusWeSend) {
  for (const unsigned status :
       {200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 410, 413, 414, 417, 431, 500, 501, 503, 505}) {
    EXPECT_NE(reason_phrase(status), "Unknown") << status;
  }
}

revoked::test::Json problem_of(const std::string& out) {
  return revoked::test::Json::parse(out.substr(out.find("\r\n\r\n") + 4));
}

TEST(Problem, IsProblemJson) {
  Written w;
  send_problem(w.response, 409, "already_exists", "say \"why\"\n", ",\"position\":\"1-2\"");
  EXPECT_THAT(w.out, HasSubstr("Content-Type: application/problem+json\r\n"));
  const auto problem = problem_of(w.out);
  EXPECT_EQ(problem["type"].text(), "urn:revoked:problem:already_exists");
  EXPECT_EQ(problem["title"].text(), "Conflict");
  EXPECT_EQ(problem["status"].number(), 409);
  EXPECT_EQ(problem["code"].text(), "already_exists");
  EXPECT_EQ(problem["detail"].text(), "say \"why\"\n");
  EXPECT_EQ(problem["position"].text(), "1-2");
  EXPECT_TRUE(w.response.keep_alive());
}

TEST(Problem, EveryExpectedFailureHasAStatusAndACode) {
  using engine::errc;
  for (int code = 1; code <= static_cast<int>(errc::refused); ++code) {
    const auto kind = problem_kind(errc(code));
    EXPECT_NE(kind.status, 500) << code;
    EXPECT_FALSE(kind.code.empty());
    EXPECT_EQ(errc(code) == errc::not_found, kind.status == 404) << code;
  }
}

TEST(Problem, ForeignErrorsAreOurOwnFault) {
  EXPECT_EQ(problem_kind(boost::system::errc::make_error_code(boost::system::errc::io_error)).status, 500);
  EXPECT_EQ(problem_kind({9999, engine::category()}).status, 500);
}

TEST(Problem, UnavailabilitySaysWhenToComeBack) {
  Written w;
  send_problem(w.response, engine::errc::overloaded);
  EXPECT_THAT(w.out, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(w.out, HasSubstr("\r\nRetry-After: 1\r\n"));
  EXPECT_EQ(problem_of(w.out)["code"].text(), "overloaded");
}

TEST(Problem, ClosesWhereTheNextRequestCannotBeFound) {
  Written broken;
  send_problem(broken.response, 400, "bad_request", "");
  EXPECT_FALSE(broken.response.keep_alive());
  EXPECT_THAT(broken.out, HasSubstr("Connection: close\r\n"));
  Written field;
  send_problem(field.response, 400, "invalid_field", "");
  EXPECT_TRUE(field.response.keep_alive());
  for (const unsigned status : {413, 414, 431, 505}) {
    Written w;
    send_problem(w.response, status, "bad_request", "");
    EXPECT_FALSE(w.response.keep_alive()) << status;
  }
}

}  // namespace revoked::net::response_test
