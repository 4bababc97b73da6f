// The gateways that have reported, over HTTP.

#include "tests/net/dialects/dialect_fixture.hpp"

namespace revoked::net::gateways_test {

class GatewaysApi : public DialectTest {
 protected:
  HttpResponse report(const std::string& body, const Headers& headers = bearer(master)) {
    return ask("POST", "/v1/gateways/report", headers, body);
  }
  static std::string body_of(const std::string& name, engine::Sequence sequence,
                             const std::string& more = {}) {
    return R"({"gateway":")" + name + R"(","epoch":1,"sequence":)" + std::to_string(sequence) + more + "}";
  }
  auto gateways() { return ask("GET", "/v1/gateways", bearer(master)).json()["gateways"]; }
};

TEST_F(GatewaysApi, ShowsWhatEachHasApplied) {
  for (const auto* id : {"k1", "k2", "k3"}) create({}, id);
  const auto position = ask("GET", "/v1/invalidations", bearer(master)).json()["position"].text();
  const auto last = engine::parse_position(position)->sequence;
  EXPECT_EQ(gateways().size(), 0u);
  EXPECT_EQ(report(body_of("edge-2", last - 2,
                           R"(,"state":"repairing","when_stale":"deny","lease_ms":3000,"version":"0.1.0")"))
                .status,
            204);
  EXPECT_EQ(report(body_of("edge-1", last, R"(,"state":"current","journal":"zzz")")).status, 204);
  const auto answer = ask("GET", "/v1/gateways", bearer(master));
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json()["position"].text(), position);
  const auto all = gateways();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["name"].text(), "edge-1");
  EXPECT_EQ(all[0]["state"].text(), "current");
  EXPECT_EQ(all[0]["journal"].text(), "zzz");
  EXPECT_NE(answer.body.find(R"("lag":null)"), std::string::npos) << "of another journal";
  EXPECT_EQ(all[1]["name"].text(), "edge-2");
  EXPECT_EQ(all[1]["state"].text(), "repairing");
  EXPECT_EQ(all[1]["lag"].number(), 2);
  EXPECT_EQ(all[1]["when_stale"].text(), "deny");
  EXPECT_EQ(all[1]["lease_ms"].number(), 3000);
  EXPECT_EQ(all[1]["version"].text(), "0.1.0");
  EXPECT_EQ(all[1]["position"].text(), "1-" + std::to_string(last - 2));
  EXPECT_EQ(report(body_of("edge-2", last, R"(,"leaving":true)")).status, 204);
  EXPECT_EQ(gateways().size(), 1u);
}

TEST_F(GatewaysApi, ForgetsNoneThatIsNotGone) {
  const auto forget = [&](const std::string& name) {
    return ask("DELETE", "/v1/gateways/" + name, bearer(master));
  };
  report(body_of("edge 1", 1));
  const auto present = forget("edge%201");
  EXPECT_EQ(present.status, 409);
  EXPECT_EQ(present.json()["code"].text(), "gateway_not_gone");
  const auto absent = forget("edge-2");
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.json()["code"].text(), "gateway_not_found");
  EXPECT_EQ(gateways().size(), 1u);
}

TEST_F(GatewaysApi, RefusesWhatIsNoReport) {
  for (const std::string body : {"", "{}", "[]", R"({"gateway":"","epoch":1,"sequence":1})"}) {
    const auto answer = report(body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.json()["code"].text(), "malformed");
  }
}

TEST_F(GatewaysApi, P14GenuineANameIsItsSenders) {
  const auto edge = bearer(secret({.permissions = "gateway"}));
  const auto other = bearer(secret({.permissions = "gateway"}));
  EXPECT_EQ(report(body_of("edge-1", 1), edge).status, 204);
  const auto taken = report(body_of("edge-1", 9), other);
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(taken.json()["code"].text(), "name_taken");
  EXPECT_EQ(report(body_of("edge-1", 1, R"(,"leaving":true)"), other).status, 409);
  EXPECT_EQ(gateways().size(), 1u);
}

TEST_F(GatewaysApi, NeedPermissions) {
  const auto edge = bearer(secret({.permissions = "gateway"}));
  EXPECT_EQ(ask("GET", "/v1/gateways", edge).status, 403);
  EXPECT_EQ(report(body_of("edge-1", 1), bearer(secret({.permissions = "gateways:read"}))).status, 403);
  EXPECT_EQ(ask("GET", "/v1/gateways", bearer(secret({.permissions = "gateways:read"}))).status, 200);
}

}  // namespace revoked::net::gateways_test
