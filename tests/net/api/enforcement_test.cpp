// Prefer: wait=N, and receipts: who enforces a revocation.

#include <future>
#include <thread>

#include "tests/net/dialects/dialect_fixture.hpp"
#include "tests/support/metrics.hpp"

namespace revoked::net::enforcement_test {

using namespace std::chrono_literals;
using engine::Position;
using revoked::test::MetricsText;

class Enforced : public DialectTest {
 protected:
  static Headers waiting(const std::string& seconds, const std::string& credential = master) {
    return {{"Authorization", "Bearer " + credential}, {"Prefer", "wait=" + seconds}};
  }
  Position published() { return feed_.published(); }
  // A gateway reports that it has applied this.
  void report(const std::string& name, Position applied, const std::string& policy = "deny",
              int lease_ms = 60'000) {
    const auto journal = std::string(engine_.journal_id());
    const auto body = R"({"gateway":")" + name + R"(","epoch":)" + std::to_string(applied.epoch) +
                      R"(,"sequence":)" + std::to_string(applied.sequence) + R"(,"journal":")" + journal +
                      R"(","state":"current","when_stale":")" + policy + R"(","lease_ms":)" +
                      std::to_string(lease_ms) + "}";
    HttpClient gateway(server_->port());
    ASSERT_EQ(gateway.request("POST", "/v1/gateways/report", bearer(master), body).status, 204);
  }
  // The answer to a request that waits, which `meanwhile` lets end.
  template <class Meanwhile>
  HttpResponse ask_and(const std::string& method, const std::string& target, const Headers& headers,
                       const std::string& body, Meanwhile meanwhile) {
    const auto before = published();
    auto answer = std::async(std::launch::async, [&] { return ask(method, target, headers, body); });
    EXPECT_TRUE(eventually([&] { return published() != before; }));
    EXPECT_EQ(answer.wait_for(20ms), std::future_status::timeout) << "it waits";
    meanwhile(published());
    return answer.get();
  }
};

TEST_F(Enforced, AnAnswerWaitsUntilAllGatewaysHaveAppliedTheRevocation) {
  create({}, "k1");
  report("edge-1", published());
  report("edge-2", published());
  const auto answer = ask_and("DELETE", "/v1/keys/k1", waiting("30"), {}, [&](Position revoked) {
    report("edge-1", revoked);
    report("edge-2", revoked);
  });
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.header("Revocation-Enforced"), "2/2");
  EXPECT_EQ(answer.header("Preference-Applied"), "wait");
  EXPECT_GE(std::stod(answer.header("Revocation-Enforced-After")), 20.0);
  EXPECT_EQ(answer.header("Revocation-Position"), engine::to_string(published()));
  EXPECT_EQ(answer.json()["state"].text(), "revoked");
  const auto enforced = answer.json()["enforced"];
  EXPECT_EQ(enforced["gateways"].number(), 2);
  EXPECT_EQ(enforced["applied"].number(), 2);
  EXPECT_EQ(enforced["by_lease"].number(), 0);
  EXPECT_EQ(enforced["waiting"].size(), 0u);
}

TEST_F(Enforced, AnAnswerNamesTheGatewaysThatHaveNotWhenTheTimeIsOver) {
  create({}, "k1");
  report("edge-1", published());
  report("edge-7", published());
  const auto answer = ask_and("DELETE", "/v1/keys/k1", waiting("1"), {},
                              [&](Position revoked) { report("edge-1", revoked); });
  EXPECT_EQ(answer.status, 200) << "it is revoked all the same";
  EXPECT_EQ(answer.header("Revocation-Enforced"), "1/2");
  ASSERT_EQ(answer.json()["enforced"]["waiting"].size(), 1u);
  EXPECT_EQ(answer.json()["enforced"]["waiting"][0].text(), "edge-7");
}

TEST_F(Enforced, AGatewayThatDeniesCountsWhenItsLeaseIsOver) {
  create({}, "k1");
  report("silent", published(), "deny", 200);
  const auto answer = ask("DELETE", "/v1/keys/k1", waiting("30"));
  EXPECT_EQ(answer.header("Revocation-Enforced"), "1/1");
  EXPECT_EQ(answer.json()["enforced"]["by_lease"].number(), 1);
  EXPECT_GE(std::stod(answer.header("Revocation-Enforced-After")), 300.0);

  create({}, "k2");
  report("silent", published(), "serve", 200);
  const auto again = ask("DELETE", "/v1/keys/k2", waiting("1"));
  EXPECT_EQ(again.header("Revocation-Enforced"), "0/1") << "it serves when stale";
}

TEST_F(Enforced, WithoutGatewaysNothingIsWaitedFor) {
  create({}, "k1");
  const auto answer = ask("DELETE", "/v1/keys/k1", waiting("30"));
  EXPECT_EQ(answer.header("Revocation-Enforced"), "0/0");
  EXPECT_EQ(answer.header("Revocation-Enforced-After"), "");
}

TEST_F(Enforced, EveryWayOfEndingAKeyCanBeWaitedFor) {
  report("edge-1", {1, 0}, "serve");
  const auto expect = [&](const std::string& method, const std::string& target, const Headers& headers = {},
                          const std::string& body = {}, bool is_native = true) {
    auto all = waiting("0");
    all.insert(all.end(), headers.begin(), headers.end());
    const auto answer = ask(method, target, all, body);
    EXPECT_LT(answer.status, 300) << target << " " << answer.body;
    EXPECT_EQ(answer.header("Revocation-Enforced"), "0/1") << target;
    EXPECT_EQ(answer.body.find("\"enforced\":{") != std::string::npos, is_native) << target;
  };
  for (const auto* id : {"k1", "k2", "k3", "k4"})
    create({.user = "ann", .application = "app", .workspace = "w"}, id);
  expect("POST", "/v1/keys/k1/suspend");
  expect("POST", "/v1/keys/k1/resume");
  expect("PATCH", "/v1/keys/k1", {}, R"({"name":"x"})");
  expect("POST", "/v1/keys/k1/rotate", {}, R"({"grace_seconds":0})");
  expect("DELETE", "/v1/keys/k1");
  expect("DELETE", "/v1/keys/k1");
  expect("POST", "/v1/keys/revoke", {}, R"({"secret":")" + secret_of("k2") + "\"}");
  expect("POST", "/v1/revocations", {}, "{\"key_id\":\"k3\"}\n{\"key_id\":\"k4\"}\n");
  expect("PUT", "/v1/users/ann/lock");
  expect("DELETE", "/v1/users/ann/lock");
  expect("DELETE", "/v1/users/ann/keys");
  expect("DELETE", "/v1/applications/app/keys");
  expect("DELETE", "/v1/workspaces/w/keys");

  const auto in_dialect = [&](const std::string& target, const Headers& headers) {
    auto all = headers;
    all.push_back({"Prefer", "wait=0"});
    const auto answer = ask("DELETE", target, all);
    EXPECT_LT(answer.status, 300) << target << " " << answer.body;
    EXPECT_EQ(answer.header("Revocation-Enforced"), "0/1") << target;
    EXPECT_EQ(answer.body.find("enforced"), std::string::npos) << "as published: " << target;
  };
  create({.user = "bob"}, "b1");
  in_dialect("/v1/flowplate/api-keys/user/bob", {{"x-flowplate-master-key", master}});
  const auto a1 = create({.application = application_1});
  in_dialect("/api/v1/applications/" + application_1 + "/api-keys/" + a1,
             bearer(token({{"scope", "\"keys:revoke\""}})));
  const auto w1 = create({.workspace = "w2"});
  in_dialect("/api/v1/apikey/" + w1, bearer(secret({.workspace = "w2", .permissions = revoker})));
  const auto u1 = create({.user = "cat"});
  in_dialect("/api/user/api_key/" + u1, {{"Authorization", secret({.user = "cat", .permissions = revoker})}});
}

TEST_F(Enforced, WhatIsRefusedOrOnlyTriedIsNotWaitedFor) {
  create({}, "k1");
  report("edge-1", {1, 0}, "serve");
  const auto absent = ask("DELETE", "/v1/keys/absent", waiting("30"));
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.header("Revocation-Enforced"), "");
  EXPECT_EQ(ask("DELETE", "/v1/keys/k1?dry_run=true", waiting("30")).header("Revocation-Enforced"), "");
  EXPECT_EQ(ask("POST", "/v1/revocations", waiting("30"), "nonsense\n").status, 400);
  EXPECT_EQ(ask("POST", "/v1/keys", waiting("30"), "{}").status, 201) << "ends no key";
  const auto unclear = ask("DELETE", "/v1/keys/k1", waiting("soon"));
  EXPECT_EQ(unclear.status, 400);
  EXPECT_EQ(unclear.json()["code"].text(), "invalid_field");
  EXPECT_TRUE(is_active("k1"));
}

TEST_F(Enforced, ARepeatedRequestWaitsAgain) {
  create({}, "k1");
  report("edge-1", published(), "serve");
  auto headers = waiting("0");
  headers.push_back({"Idempotency-Key", "once"});
  const auto body = R"({"secret":")" + secret_of("k1") + "\"}";
  const auto first = ask("POST", "/v1/keys/revoke", headers, body);
  EXPECT_EQ(first.header("Revocation-Enforced"), "0/1");
  report("edge-1", published(), "serve");
  const auto second = ask("POST", "/v1/keys/revoke", headers, body);
  EXPECT_EQ(second.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(second.header("Revocation-Enforced"), "1/1");
  EXPECT_EQ(second.header("Revocation-Position"), first.header("Revocation-Position"));
}

TEST_F(Enforced, ACallerOfATenantSeesNoNames) {
  create({.user = "ann", .workspace = "w"}, "k1");
  create({.user = "ann", .workspace = "w"}, "k2");
  report("edge-1", published(), "serve");
  const auto tenant = secret({.workspace = "w", .permissions = revoker});
  const auto answer = ask("DELETE", "/v1/keys/k1", waiting("0", tenant));
  EXPECT_EQ(answer.header("Revocation-Enforced"), "0/1");
  EXPECT_EQ(answer.body.find("edge-1"), std::string::npos) << answer.body;
  const auto reader = secret({.workspace = "w", .permissions = "keys:revoke gateways:read"});
  EXPECT_NE(ask("DELETE", "/v1/keys/k2", waiting("0", reader)).body.find("edge-1"), std::string::npos);
}

TEST_F(Enforced, P13FairAWaitEndsWithTheCallersRightAndWithTheEngine) {
  report("edge-1", {1, 0}, "serve");
  create({.permissions = revoker}, "mine");
  const auto own = ask("DELETE", "/v1/keys/mine", waiting("30", secret_of("mine")));
  EXPECT_EQ(own.status, 200);
  EXPECT_EQ(own.header("Revocation-Enforced"), "0/1");

  create({}, "k1");
  auto answer = std::async(std::launch::async, [&] {
    HttpClient client(server_->port());
    return client.request("DELETE", "/v1/keys/k1", waiting("60"));
  });
  EXPECT_TRUE(eventually([&] { return is_revoked("k1"); }));
  server_->drain();
  EXPECT_EQ(answer.get().header("Revocation-Enforced"), "0/1");
}

TEST_F(Enforced, P13FairAWaitEndsWhenTheCallerIsGone) {
  create({}, "k1");
  report("edge-1", published(), "serve");
  const auto waits = [&] {
    HttpClient reader(server_->port());
    return MetricsText::of(reader)["revoked_waits"];
  };
  HttpClient caller(server_->port());
  caller.send(caller.format("DELETE", "/v1/keys/k1", waiting("60")));
  EXPECT_TRUE(eventually([&] { return waits() == 1; }));
  caller.close();
  EXPECT_TRUE(eventually([&] { return waits() == 0; }));
  EXPECT_TRUE(is_revoked("k1"));
}

TEST_F(Enforced, AWaitLastsForACallerWithThePermissionThatTheCallNeeds) {
  create({}, "k1");
  report("edge-1", published(), "serve");
  const auto writer = secret({.permissions = "keys:write"});
  const auto began = std::chrono::steady_clock::now();
  const auto answer = ask("POST", "/v1/keys/k1/suspend", waiting("2", writer));
  EXPECT_EQ(answer.header("Revocation-Enforced"), "0/1") << answer.body;
  EXPECT_GE(std::chrono::steady_clock::now() - began, 2s) << "longer than until the first look at its right";
}

TEST_F(Enforced, AReceiptSaysWhoEnforcesAPositionAndSinceWhen) {
  create({}, "k1");
  report("edge-1", published());
  report("edge-2", published());
  report("edge-3", published(), "deny", 1);
  ASSERT_EQ(ask("DELETE", "/v1/keys/k1", bearer(master)).status, 200);
  const auto position = published();
  report("edge-1", position);
  const auto target = "/v1/receipts/" + engine::to_string(position);
  EXPECT_TRUE(eventually([&] { return ask("GET", target, bearer(master)).json()["gateways"].size() == 2; }));
  const auto answer = ask("GET", target, bearer(master));
  ASSERT_EQ(answer.status, 200);
  const auto receipt = answer.json();
  EXPECT_EQ(receipt["position"].text(), engine::to_string(position));
  EXPECT_TRUE(engine::parse_rfc3339(receipt["at"].text()));
  const auto gateways = receipt["gateways"];
  ASSERT_EQ(gateways.size(), 2u);
  EXPECT_EQ(gateways[0]["name"].text(), "edge-1");
  EXPECT_EQ(gateways[0]["by"].text(), "applied");
  EXPECT_GE(*engine::parse_rfc3339(gateways[0]["at"].text()),
            *engine::parse_rfc3339(receipt["at"].text()) - 1);
  EXPECT_EQ(gateways[1]["name"].text(), "edge-3");
  EXPECT_EQ(gateways[1]["by"].text(), "lease");
  ASSERT_EQ(receipt["waiting"].size(), 1u);
  EXPECT_EQ(receipt["waiting"][0].text(), "edge-2");
  EXPECT_NE(answer.body.find("\"max_ms\":101."), std::string::npos) << answer.body;

  auto waits = std::async(std::launch::async, [&] { return ask("GET", target, waiting("30")); });
  EXPECT_EQ(waits.wait_for(20ms), std::future_status::timeout);
  report("edge-2", position);
  EXPECT_EQ(waits.get().json()["waiting"].size(), 0u);
}

TEST_F(Enforced, AReceiptNeedsAPositionOfThisJournalAndAPermission) {
  create({}, "k1");
  const auto code_of = [&](const std::string& position) {
    const auto answer = ask("GET", "/v1/receipts/" + position, bearer(master));
    return std::to_string(answer.status) + " " + answer.json()["code"].text();
  };
  const auto last = std::to_string(published().sequence);
  EXPECT_EQ(ask("GET", "/v1/receipts/1-" + last, bearer(master)).status, 200);
  EXPECT_EQ(ask("GET", "/v1/receipts/1-1", bearer(master)).status, 200);
  EXPECT_EQ(code_of("1-0"), "404 position_not_found");
  EXPECT_EQ(code_of("1-" + std::to_string(published().sequence + 1)), "404 position_not_found");
  EXPECT_EQ(code_of("2-" + last), "404 position_not_found");
  EXPECT_EQ(code_of("1-x"), "400 invalid_position");
  EXPECT_EQ(code_of("1"), "400 invalid_position");
  EXPECT_EQ(ask("GET", "/v1/receipts/1-1", bearer(secret({.permissions = revoker}))).status, 403);
  EXPECT_EQ(ask("GET", "/v1/receipts/1-1", bearer(secret({.permissions = "gateways:read"}))).status, 200);
}

}  // namespace revoked::net::enforcement_test
