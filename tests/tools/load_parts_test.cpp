// The parts of the load generator that decide what is sent and what is reported.

#include <gtest/gtest.h>

#include <stdexcept>

#include "engine/base/digest.hpp"
#include "tools/load/http_pipe.hpp"
#include "tools/load/latency.hpp"
#include "tools/load/request.hpp"
#include "tools/load/schedule.hpp"
#include "tools/load/template.hpp"

namespace revoked::load::load_parts_test {

using namespace std::chrono_literals;

std::string expand(std::string_view text, std::uint64_t number) {
  std::string out;
  Template(text).expand(number, out);
  return out;
}

TEST(LoadTemplate, FillsInNumbersAndLeavesOtherBracesAlone) {
  EXPECT_EQ(expand("/v1/keys/bk{n}", 17), "/v1/keys/bk17");
  EXPECT_EQ(expand("{n:6}|{n%10}|{n%10:3}", 127), "000127|7|007");
  EXPECT_EQ(expand(R"({"key_id":"k{n}","x":{}})", 3), R"({"key_id":"k3","x":{}})");
  EXPECT_EQ(expand("{n%0}{n:99}{no}{", 3), "{n%0}{n:99}{no}{");
}

TEST(LoadTemplate, GivesEachNumberAnIdAndASecretOfItsOwn) {
  EXPECT_EQ(expand("{uuid}", 1).size(), 36u);
  EXPECT_EQ(expand("{uuid}", 1), expand("{uuid}", 1));
  EXPECT_NE(expand("{uuid}", 1), expand("{uuid}", 2));
  EXPECT_EQ(expand("{uuid}", 1)[14], '7');
  EXPECT_EQ(expand("{secret}", 5).size(), 50u);
  EXPECT_EQ(expand("{digest}", 5), engine::to_hex(engine::sha256(expand("{secret}", 5))));
}

TEST(LoadRequest, SaysHowLongItsBodyIs) {
  Request request(parse_url("http://127.0.0.1:80"),
                  {.method = "POST", .path = "/p{n}", .headers = {"A: {n}"}, .body = "body {n}"});
  std::string out;
  request.append(12345, out);
  EXPECT_EQ(
      out, "POST /p12345 HTTP/1.1\r\nHost: 127.0.0.1:80\r\nA: 12345\r\nContent-Length: 10\r\n\r\nbody 12345");
  EXPECT_THROW(parse_url("127.0.0.1:80"), std::runtime_error);
  EXPECT_THROW(parse_url("http://127.0.0.1"), std::runtime_error);
}

TEST(LoadAnswer, KnowsWhereAnAnswerEnds) {
  const std::string head = "HTTP/1.1 403 Forbidden\r\nX: y\r\ncontent-Length:  12\r\nTail: 1\r\n\r\n";
  const auto answer = parse_answer_head(head + "123456789012HTTP/1.1 200");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 403);
  EXPECT_EQ(answer->size, head.size());
  EXPECT_EQ(answer->body_size, 12u);
  EXPECT_EQ(parse_answer_head("HTTP/1.1 204 No Content\r\n\r\n")->body_size, 0u);
  EXPECT_FALSE(parse_answer_head("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"));
  EXPECT_THROW(parse_answer_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
               std::runtime_error);
  EXPECT_THROW(parse_answer_head("SMTP ready\r\n\r\n"), std::runtime_error);
}

TEST(LoadLatency, IsExactToAPercentAtAnySize) {
  for (const std::int64_t us : {1, 7, 130, 999, 12'345, 1'000'000, 50'000'000}) {
    Latency latency;
    latency.record(std::chrono::microseconds(us));
    latency.record(std::chrono::microseconds(us * 2));
    EXPECT_NEAR(latency.quantile_us(0.5), static_cast<double>(us), static_cast<double>(us) * 0.01);
    EXPECT_EQ(latency.largest_us(), static_cast<double>(us * 2));
    EXPECT_NEAR(latency.quantile_us(1), static_cast<double>(us * 2), static_cast<double>(us) * 0.02);
  }
}

TEST(LoadLatency, PicksTheQuantileByRank) {
  Latency latency;
  EXPECT_EQ(latency.quantile_us(0.5), 0);
  for (int i = 1; i <= 1000; ++i) latency.record(std::chrono::microseconds(i));
  EXPECT_NEAR(latency.quantile_us(0.5), 500, 5);
  EXPECT_NEAR(latency.quantile_us(0.99), 990, 10);
  EXPECT_NEAR(latency.quantile_us(0.999), 999, 10);
}

TEST(LoadSchedule, IsEvenAndEnds) {
  const Clock::time_point start{};
  Schedule schedule(1000, 0.003, start);
  EXPECT_TRUE(schedule.is_due(start));
  EXPECT_EQ(schedule.take(), 0u);
  EXPECT_FALSE(schedule.is_due(start + 999us));
  EXPECT_TRUE(schedule.is_due(start + 1ms));
  schedule.take();
  EXPECT_EQ(schedule.next(), start + 2ms);
  schedule.take();
  EXPECT_TRUE(schedule.is_over());
  EXPECT_FALSE(schedule.is_due(start + 1h));
}

}  // namespace revoked::load::load_parts_test
