// What callers and gateways receive after a rotation.

#include <gtest/gtest.h>

#include "cache/bus/decision.hpp"
#include "cache/bus/message.hpp"
#include "cache/edge/near_cache.hpp"
#include "tests/net/api/served_engine.hpp"

namespace revoked::net::rotation_test {

using revoked::test::Json;
using test::ServedEngine;

class RotatedKey : public testing::Test {
 protected:
  RotatedKey() { served_.create("first"); }

  Json rotate(int grace_seconds) {
    const auto answer = client_.request("POST", "/v1/keys/first/rotate", {},
                                        "{\"grace_seconds\":" + std::to_string(grace_seconds) + "}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  Json verify(const std::string& secret) {
    return client_
        .request("POST", "/v1/keys/verify", {}, R"({"secret":")" + ServedEngine::secret_of(secret) + "\"}")
        .json();
  }

  ServedEngine served_;
  revoked::test::HttpClient client_ = served_.client();
};

TEST_F(RotatedKey, ShowsItsLivingSecretsAndTheirEnds) {
  const auto created = client_.get("/v1/keys/first").json();
  ASSERT_EQ(created["secrets"].items().size(), 1u);
  EXPECT_EQ(created["secrets"][0]["position"].text(), created["position"].text());
  EXPECT_EQ(created["secrets"][0]["ends_at"].type(), Json::Type::null);

  const auto rotated = rotate(3600);
  for (const auto& key : {client_.get("/v1/keys/first").json(), client_.get("/v1/keys").json()["keys"][0]}) {
    ASSERT_EQ(key["secrets"].items().size(), 2u);
    EXPECT_EQ(key["secrets"][0]["position"].text(), rotated["position"].text());
    EXPECT_EQ(key["secrets"][0]["ends_at"].type(), Json::Type::null);
    EXPECT_EQ(key["secrets"][1]["position"].text(), created["position"].text());
    EXPECT_EQ(key["secrets"][1]["ends_at"].text(), rotated["grace_until"].text());
  }
  const auto shown = client_.get("/v1/keys/first").body;
  EXPECT_EQ(shown.find(rotated["secret"].text()), std::string::npos);
  EXPECT_EQ(shown.find(engine::to_hex(engine::sha256(ServedEngine::secret_of("first")))), std::string::npos);

  rotate(0);
  EXPECT_EQ(client_.get("/v1/keys/first").json()["secrets"].items().size(), 1u);
  EXPECT_EQ(client_.request("DELETE", "/v1/keys/first").status, 200);
  EXPECT_TRUE(client_.get("/v1/keys/first").json()["secrets"].items().empty());
}

// The first leaked, and the second rotation must end it.
TEST_F(RotatedKey, HasOneSecretAfterARotationWithoutGrace) {
  const auto second = rotate(3600)["secret"].text();
  EXPECT_EQ(verify("first")["state"].text(), "active");
  const auto third = rotate(0)["secret"].text();
  EXPECT_EQ(verify("first")["state"].text(), "expired");
  EXPECT_EQ(verify("first")["expires_at"].type(), Json::Type::null) << "it did not run out";
  EXPECT_EQ(verify(second)["state"].text(), "expired");
  EXPECT_EQ(verify(third)["state"].text(), "active");
}

TEST_F(RotatedKey, IsThereWhileItsRotationWaitsForTheDisk) {
  auto other = served_.client();
  served_.disk().block();
  client_.send(client_.format("POST", "/v1/keys/first/rotate", {}, R"({"grace_seconds":3600})"));
  served_.disk().wait_until_blocked();
  const auto shown = other.get("/v1/keys/first");
  EXPECT_EQ(shown.status, 200) << shown.body;
  EXPECT_EQ(shown.json()["secrets"].items().size(), 1u);
  EXPECT_EQ(other.get("/v1/keys").json()["keys"].items().size(), 1u);
  EXPECT_EQ(other.get("/v1/audit?key_id=first").json()["entries"].items().size(), 1u);
  served_.disk().unblock();
  EXPECT_EQ(client_.receive().status, 200);
  EXPECT_EQ(other.get("/v1/keys/first").json()["secrets"].items().size(), 2u);
}

// A gateway caches a decision for each secret; the event names the key.
TEST_F(RotatedKey, P5BoundedAGatewayDropsTheDecisionsOfAllItsSecrets) {
  const auto second = rotate(3600)["secret"].text();
  const auto before = verify("first")["as_of"].text();
  cache::NearCache cache({.max_entries = 10, .max_marks = 10});
  cache.flush(*engine::parse_position(before));
  const auto now = engine::now_unix_ms();
  for (const auto& secret : {ServedEngine::secret_of("first"), second}) {
    const auto answer = client_.request("POST", "/v1/keys/verify", {}, R"({"secret":")" + secret + "\"}");
    ASSERT_TRUE(cache.fill(engine::sha256(secret), *cache::decode_decision(answer.body)));
    ASSERT_TRUE(cache.find(engine::sha256(secret), now));
  }
  rotate(0);
  const auto page = cache::decode_page(client_.get("/v1/invalidations?after=" + before).body);
  ASSERT_TRUE(page);
  for (const auto& message : page->messages) cache.apply(message.events);
  EXPECT_FALSE(cache.find(engine::sha256(ServedEngine::secret_of("first")), now));
  EXPECT_FALSE(cache.find(engine::sha256(second), now));
}

}  // namespace revoked::net::rotation_test
