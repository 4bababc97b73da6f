// What GET /metrics of the engine tells.

#include <gtest/gtest.h>

#include "tests/net/api/served_engine.hpp"
#include "tests/support/metrics.hpp"

namespace revoked::net::metrics_test {

using revoked::test::MetricsText;
using test::ServedEngine;

MetricsText requests(ServedEngine& served) {
  std::string text;
  engine::MetricsWriter out(text);
  served.server().write_metrics(out);
  return MetricsText(text);
}

TEST(EngineMetrics, FollowTheJournalAndTheTables) {
  ServedEngine served;
  auto client = served.client();
  const auto before = MetricsText::of(client);
  EXPECT_EQ(before["revoked_ready"], 1);
  served.create("k1", {}, "ann");
  served.create("k2", {}, "ann");
  served.revoke("k1");
  ASSERT_TRUE(served.sync());
  const auto after = MetricsText::of(client);
  EXPECT_EQ(after["revoked_keys"] - before["revoked_keys"], 2);
  EXPECT_EQ(after["revoked_owners{scope=\"user\"}"] - before["revoked_owners{scope=\"user\"}"], 1);
  EXPECT_EQ(after["revoked_journal_events_total"] - before["revoked_journal_events_total"], 3);
  EXPECT_EQ(after["revoked_journal_durable_sequence"], after["revoked_journal_events_total"]);
  EXPECT_GT(after["revoked_commit_seconds_count"], before["revoked_commit_seconds_count"]);
  EXPECT_EQ(after.text().find("ann"), std::string::npos) << "no ids";
  EXPECT_EQ(after.text().find("k1"), std::string::npos);
}

TEST(EngineMetrics, HaveOneSeriesARouteAndOneForAllPathsWithout) {
  ServedEngine served;
  auto client = served.client();
  served.create("k1");
  ASSERT_TRUE(served.sync());
  client.request("DELETE", "/v1/keys/k1");
  client.request("DELETE", "/v1/keys/k2");
  client.get("/v1/keys/k1");
  for (const auto* path : {"/a", "/b", "/v1/keys/a/b/c"}) client.get(path);
  client.request("DELETE", "/v1/flowplate/api-keys/k3");
  const auto metrics = requests(served);
  const auto count = [&](const std::string& labels) {
    return metrics["revoked_http_requests_total{" + labels + "}"];
  };
  EXPECT_EQ(count(R"(route="/v1/keys/{}",method="DELETE",status="200")"), 1) << metrics.text();
  EXPECT_EQ(count(R"(route="/v1/keys/{}",method="DELETE",status="404")"), 1);
  EXPECT_EQ(count(R"(route="/v1/keys/{}",method="GET",status="200")"), 1);
  EXPECT_EQ(count(R"(route="none",status="404")"), 3);
  EXPECT_EQ(count(R"(route="/v1/flowplate/api-keys/{}",method="DELETE",status="401")"), 1) << metrics.text();
  EXPECT_EQ(metrics.text().find("k1"), std::string::npos);
}

// The duration of a change includes the disk, and what is never synced is not answered.
TEST(EngineMetrics, CountAChangeOnceItIsDurable) {
  ServedEngine served;
  auto client = served.client();
  served.create("k1");
  ASSERT_TRUE(served.sync());
  const std::string_view deleted =
      R"(revoked_http_requests_total{route="/v1/keys/{}",method="DELETE",status="200"})";
  served.disk().block();
  client.send(client.format("DELETE", "/v1/keys/k1"));
  served.disk().wait_until_blocked();
  EXPECT_EQ(requests(served)[deleted], 0);
  served.disk().unblock();
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(requests(served)[deleted], 1);
}

TEST(EngineMetrics, NameTheGatewaysAndTheirLag) {
  ServedEngine served;
  auto client = served.client();
  const auto last = served.create("k1");
  ASSERT_TRUE(served.sync());
  const auto report = [&](const std::string& name, engine::Sequence sequence, const std::string& more) {
    return client
        .request(
            "POST", "/v1/gateways/report", {},
            R"({"gateway":")" + name + R"(","epoch":1,"sequence":)" + std::to_string(sequence) + more + "}")
        .status;
  };
  EXPECT_EQ(report("edge \\\"1\\\"", last - 1, R"(,"state":"current","lease_ms":3000)"), 204);
  EXPECT_EQ(report("other", 1, R"(,"state":"repairing","journal":"zzz")"), 204);
  const auto metrics = MetricsText::of(client);
  EXPECT_EQ(metrics[R"(revoked_gateways{state="current"})"], 1);
  EXPECT_EQ(metrics[R"(revoked_gateways{state="repairing"})"], 1);
  EXPECT_EQ(metrics[R"(revoked_gateways{state="gone"})"], 0);
  EXPECT_EQ(metrics[R"(revoked_gateway_lag_events{gateway="edge \"1\""})"], 1) << metrics.text();
  EXPECT_FALSE(metrics.has(R"(revoked_gateway_lag_events{gateway="other"})")) << "of another journal";
  EXPECT_GT(metrics[R"(revoked_gateway_report_timestamp_seconds{gateway="other"})"], 1.7e9);
}

TEST(EngineMetrics, AreThereWhileTheEngineLoads) {
  ServedEngine::Options options;
  options.starts = false;
  ServedEngine served(options);
  auto client = served.client();
  const auto metrics = MetricsText::of(client);
  EXPECT_TRUE(metrics.has("revoked_ready"));
  EXPECT_EQ(metrics["revoked_ready"], 0);
  EXPECT_FALSE(metrics.has("revoked_keys"));
}

}  // namespace revoked::net::metrics_test
