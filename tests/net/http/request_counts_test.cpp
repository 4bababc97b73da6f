// Which requests a server counts, and when.

#include "net/http/request_counts.hpp"

#include <gtest/gtest.h>

#include "tests/net/http/raw_client.hpp"
#include "tests/net/http/test_service.hpp"
#include "tests/support/metrics.hpp"

namespace revoked::net::request_counts_test {

using revoked::test::eventually;
using revoked::test::MetricsText;

MetricsText counts_of(const Server& server) {
  std::string text;
  engine::MetricsWriter out(text);
  server.write_metrics(out);
  return MetricsText(text);
}

double requests(const Server& server, std::string_view status) {
  return counts_of(
      server)["revoked_http_requests_total{route=\"none\",status=\"" + std::string(status) + "\"}"];
}
constexpr std::string_view timed = "revoked_http_request_seconds_count{route=\"none\"}";

TEST(RequestCounts, HaveEachResponseBeforeItsReceiver) {
  test::ServedTest served;
  auto client = served.client();
  for (int i = 1; i <= 3; ++i) {
    client.get("/echo");
    EXPECT_EQ(requests(served.server, "200"), i);
  }
  client.get("/none");
  EXPECT_EQ(requests(served.server, "204"), 1);
  EXPECT_EQ(counts_of(served.server)[timed], 4);
}

TEST(RequestCounts, HaveEachOfSeveralThatArriveTogether) {
  test::ServedTest served;
  auto client = served.client();
  std::string all;
  for (int i = 0; i < 300; ++i) all += client.format("GET", i % 3 == 0 ? "/none" : "/echo");
  client.send(all);
  for (int i = 0; i < 300; ++i) client.receive();
  EXPECT_EQ(requests(served.server, "200"), 200);
  EXPECT_EQ(requests(served.server, "204"), 100);
  EXPECT_EQ(counts_of(served.server)[timed], 300);
}

TEST(RequestCounts, SumTheThreadsOfAServer) {
  test::ServedTest served({}, 4);
  for (int i = 0; i < 64; ++i) served.client().get("/echo");
  EXPECT_EQ(requests(served.server, "200"), 64);
}

TEST(RequestCounts, HaveRefusedHeadsWithoutATime) {
  test::ServedTest served;
  test::RawClient client(served.port);
  client.send("GET /\r\n\r\n");
  client.read_to_end();
  EXPECT_TRUE(eventually([&] { return requests(served.server, "400") == 1; }));
  EXPECT_EQ(counts_of(served.server)[timed], 0);
}

TEST(RequestCounts, HaveAnAnswerThatComesLaterWithTheTimeItTook) {
  test::ServedTest served;
  auto client = served.client();
  client.send(client.format("GET", "/later"));
  ASSERT_TRUE(eventually([&] { return served.service.requests == 1; }));
  EXPECT_EQ(requests(served.server, "200"), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // what it takes at least
  served.service.released = true;
  client.receive();
  EXPECT_EQ(requests(served.server, "200"), 1);
  EXPECT_GT(counts_of(served.server)["revoked_http_request_seconds_sum{route=\"none\"}"], 0.02);
}

TEST(RequestCounts, KnowEveryStatusThatHasAReason) {
  for (unsigned status = 200; status < 600; ++status) {
    if (reason_phrase(status) != "Unknown") {
      EXPECT_TRUE(RequestCounts::knows(status)) << status;
    }
  }
  EXPECT_FALSE(RequestCounts::knows(0));
  EXPECT_FALSE(RequestCounts::knows(999));
}

TEST(UnsentResponses, CountAlikeOnesTogetherAndRefuseTooManyDifferentOnes) {
  UnsentResponses unsent;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(unsent.add(1, 200));
  for (unsigned status = 400; status < 403; ++status) EXPECT_TRUE(unsent.add(1, status));
  EXPECT_FALSE(unsent.add(2, 200));
  ASSERT_EQ(unsent.all().size(), 4u);
  EXPECT_EQ(unsent.all()[0].times, 1000u);
  unsent.clear();
  EXPECT_TRUE(unsent.all().empty());
}

}  // namespace revoked::net::request_counts_test
