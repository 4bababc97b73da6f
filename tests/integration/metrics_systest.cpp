// /metrics of both programs after real traffic: what Prometheus' own checker says of it, and that each
// counter has moved by what was done.

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "tests/support/metrics.hpp"
#include "tests/support/redis_connection.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/rfc3339.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::metrics_systest {

// What `promtool check metrics` says; nothing if it finds nothing.
std::string complaints(const MetricsText& metrics) {
  TemporaryDirectory directory;
  write_file(directory / "metrics", metrics.text());
  Process promtool({.command = {"sh", "-c", "promtool check metrics < metrics 2>&1"},
                    .log = directory / "log",
                    .directory = directory.path()});
  const auto output = promtool.read_output(30s);
  const auto code = promtool.wait(30s);
  return code == 0 ? output : output + " (code " + std::to_string(code.value_or(-1)) + ")";
}

// The metrics that docs/metrics.md lists under these headings.
std::set<std::string> documented(const std::set<std::string>& headings) {
  std::istringstream lines(read_file(source_directory() / "docs/metrics.md"));
  std::set<std::string> names;
  std::string heading;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) heading = line.substr(3);
    if (line.starts_with("| `") && headings.contains(heading))
      names.insert(line.substr(3, line.find('`', 3) - 3));
  }
  return names;
}

class MetricsSystest : public testing::Test {
 protected:
  static std::string requests(const std::string& labels) {
    return "revoked_http_requests_total{" + labels + "}";
  }
  MetricsText of_engine() { return MetricsText::of(admin_); }
  MetricsText of_gateway() {
    auto client = gateway_.client();
    return MetricsText::of(client);
  }

  SignedBus bus_;
  RedisServer redis_;
  EngineProcess engine_{{.redis_url = redis_.url(), .arguments = bus_.arguments()}};
  HttpClient admin_ = engine_.client();
  GatewayProcess gateway_{engine_,
                          {{}, redis_.url(), bus_.arguments({"--name", "edge-1", "--stale-after", "30s"})}};
};

TEST_F(MetricsSystest, CountKeysThatExpireSoon) {
  constexpr engine::UnixMs day_ms = 86'400'000;
  for (const int days : {6, 8})
    create_key(admin_, {{"expires_at", rfc3339(engine::now_unix_ms() + days * day_ms)}});
  EXPECT_TRUE(eventually([&] { return of_engine()["revoked_keys_expiring"] == 1; }));
}

TEST_F(MetricsSystest, AreCleanDocumentedAndExact) {
  ASSERT_TRUE(eventually([&] {
    return of_engine()[R"(revoked_gateways{state="current"})"] == 1 &&
           of_engine()[R"(revoked_bus_messages_total{kind="heartbeat"})"] > 0 &&
           of_gateway()[R"(revoked_gateway_connected{source="redis"})"] == 1;
  }));
  auto edge = gateway_.client();
  const auto engine_before = of_engine();
  const auto gateway_before = of_gateway();

  std::vector<CreatedKey> keys;
  for (int i = 0; i < 20; ++i) keys.push_back(create_key(admin_, {{"user", "ann"}}));
  for (const auto& key : keys) {
    EXPECT_EQ(check(edge, key.secret).status, 200);  // asks
    EXPECT_EQ(check(edge, key.secret).status, 200);  // finds
  }
  EXPECT_EQ(edge.get("/check").status, 401);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(revoke(admin_, keys[i].key_id).status, 200);
  EXPECT_EQ(revoke(admin_, "0192f0c1-7a3b-7def-8123-000000000001").status, 404);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(verify(admin_, keys[10 + i].secret)["active"].is_true());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(admin_.get("/nowhere/" + std::to_string(i)).status, 404);
  RedisConnection anyone(redis_.url());
  for (int i = 0; i < 4; ++i) {
    anyone.command({"PUBLISH", "revoked:v1:invalidations", "not signed"});
    anyone.command({"PUBLISH", "revoked:v1:acks", R"({"gateway":"forged","epoch":1,"sequence":1})"});
  }
  ASSERT_TRUE(eventually([&] {
    return of_gateway()[R"(revoked_bus_messages_total{kind="unsigned"})"] == 4 &&
           of_engine()[R"(revoked_bus_messages_total{kind="unsigned_report"})"] == 4 &&
           of_engine()[R"(revoked_gateway_lag_events{gateway="edge-1"})"] == 0;
  }));

  const auto engine = of_engine();
  const auto gateway = of_gateway();
  const auto in_engine = [&](std::string_view series) { return engine[series] - engine_before[series]; };
  const auto in_gateway = [&](std::string_view series) { return gateway[series] - gateway_before[series]; };
  EXPECT_EQ(in_engine(requests(R"(route="/v1/keys",method="POST",status="201")")), 20);
  EXPECT_EQ(in_engine(requests(R"(route="/v1/keys/{}",method="DELETE",status="200")")), 7);
  EXPECT_EQ(in_engine(requests(R"(route="/v1/keys/{}",method="DELETE",status="404")")), 1);
  EXPECT_EQ(in_engine(R"(revoked_http_request_seconds_count{route="/v1/keys/{}",method="DELETE"})"), 8);
  EXPECT_EQ(in_engine(requests(R"(route="none",status="404")")), 3);
  EXPECT_EQ(in_engine("revoked_keys"), 20);
  EXPECT_EQ(in_engine("revoked_journal_events_total"), 27);
  EXPECT_GE(in_engine("revoked_commit_seconds_count"), 7) << "each was waited for";
  EXPECT_LE(in_engine("revoked_commit_seconds_count"), 27);
  EXPECT_EQ(in_engine(R"(revoked_bus_messages_total{kind="published"})"), 27) << "one a batch";
  EXPECT_EQ(in_engine(R"(revoked_bus_messages_total{kind="error"})"), 0);
  EXPECT_GT(engine[R"(revoked_bus_messages_total{kind="report"})"], 0);
  EXPECT_EQ(engine["revoked_redis_connected"], 1);
  EXPECT_GT(engine["revoked_storage_free_bytes"], engine["revoked_storage_reserve_bytes"]);

  EXPECT_EQ(in_gateway(requests(R"(route="/check",status="200")")), 40);
  EXPECT_EQ(in_gateway(requests(R"(route="/check",status="401")")), 1);
  EXPECT_EQ(in_gateway("revoked_cache_hits_total"), 20);
  EXPECT_EQ(in_gateway("revoked_cache_misses_total"), 20);
  EXPECT_EQ(in_gateway("revoked_questions_total"), 20);
  EXPECT_EQ(in_gateway("revoked_failed_questions_total"), 0);
  EXPECT_EQ(in_gateway("revoked_cache_invalidations_total"), 7);
  EXPECT_EQ(in_gateway(R"(revoked_bus_messages_total{kind="applied"})"), 27);
  EXPECT_EQ(in_gateway("revoked_gateway_stale_seconds_total"), 0);
  EXPECT_EQ(gateway["revoked_gateway_position_sequence"], engine["revoked_journal_events_total"]);

  const std::string_view denied_uses = R"(revoked_denied_uses_total{state="revoked"})";
  EXPECT_EQ(in_gateway(denied_uses), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(check(edge, keys[i].secret).status, 403);
  EXPECT_EQ(of_gateway()[denied_uses], 3);
  EXPECT_TRUE(eventually([&] { return of_engine()[denied_uses] == 3; })) << "reported";

  EXPECT_EQ(complaints(engine), "") << engine.text();
  EXPECT_EQ(complaints(gateway), "") << gateway.text();
  std::set<std::string> both{"Both programs"};
  if (everywhere_tls() != nullptr) both.insert("With --tls-cert");
  const auto with_both = [&both](const std::string& heading) {
    auto headings = both;
    headings.insert(heading);
    return headings;
  };
  EXPECT_EQ(engine.names(), documented(with_both("Engine")));
  EXPECT_EQ(gateway.names(), documented(with_both("Gateway")));
  for (const auto& text : {engine.text(), gateway.text()}) {
    EXPECT_EQ(text.find("ann"), std::string::npos) << "no ids of users";
    EXPECT_EQ(text.find(keys[0].key_id), std::string::npos) << "nor of keys";
  }
}

TEST(GatewayMetrics, TellThatItIsStaleAndForHowLong) {
  EngineProcess engine;
  GatewayProcess gateway(engine, {.arguments = {"--stale-after", "2s"}});
  const auto metrics = [&] {
    auto client = gateway.client();
    return MetricsText::of(client);
  };
  ASSERT_TRUE(eventually([&] { return metrics()[R"(revoked_gateway_coverage{state="current"})"] == 1; }));
  EXPECT_EQ(metrics()["revoked_ready"], 1);
  const auto before = metrics()["revoked_gateway_stale_seconds_total"];
  engine.kill();
  EXPECT_TRUE(eventually([&] { return metrics()[R"(revoked_gateway_coverage{state="stale"})"] == 1; }));
  EXPECT_EQ(metrics()["revoked_ready"], 0);
  EXPECT_TRUE(eventually([&] { return metrics()["revoked_gateway_stale_seconds_total"] > before + 0.2; }));
  EXPECT_GT(metrics()["revoked_gateway_proof_age_seconds"], 2);
}

TEST(MetricsAccess, IsThatOfTheOption) {
  EngineProcess engine({.arguments = {"--metrics", "authenticated"}});
  auto admin = engine.client();
  EXPECT_EQ(admin.get("/metrics").status, 200);
  EXPECT_EQ(HttpClient(engine.port()).get("/metrics").status, 401);
  for (const auto& [permission, status] : {std::pair("keys:read", 403), {"gateways:read", 200}}) {
    const auto key = create_keys(engine, 1, R"({"permissions":[")" + std::string(permission) + R"("]})")[0];
    HttpClient client(engine.port());
    EXPECT_EQ(client.get("/metrics", {{"Authorization", "Bearer " + key.secret}}).status, status)
        << permission;
  }
  GatewayProcess gateway(engine, {.arguments = {"--metrics", "off"}});
  EXPECT_EQ(gateway.client().get("/metrics").status, 404);
  EXPECT_EQ(engine.stop(), 0);
  engine.options().arguments = {"--metrics", "off"};
  engine.start();
  EXPECT_EQ(engine.client().get("/metrics").status, 404);
}

}  // namespace revoked::test::metrics_systest
