// The engine with its server and disk: what is answered, and when.

#include <gtest/gtest.h>

#include <future>

#include "tests/net/api/served_engine.hpp"

namespace revoked::net::durability_test {

using namespace std::chrono_literals;
using test::RawClient;
using test::ServedEngine;

constexpr auto a_while = 100ms;  // time in which nothing may arrive

const std::string verify_k1 = "POST /v1/keys/verify HTTP/1.1\r\nHost: a\r\nX-API-Key: " + test::master_key +
                              "\r\nContent-Length: 21\r\n\r\n{\"secret\":\"k1......\"}";
const auto revoke_k1 = ServedEngine::request("DELETE", "/v1/keys/k1");
const auto liveness = ServedEngine::request("GET", "/livez");

// The one network thread has processed everything that was sent before.
void expect_served(ServedEngine& served) { ASSERT_EQ(served.client().get("/livez").status, 200); }

// Sends requests while the disk is blocked, and returns once the first change waits for it.
template <class Client>
void send_while_blocked(ServedEngine& served, Client& client, const std::string& requests) {
  served.disk().block();
  client.send(requests);
  served.disk().wait_until_blocked();
}

TEST(Durability, AnswerIsHeldUntilTheStoreHasSynced) {
  ServedEngine served;
  served.create("k1");
  RawClient client(served.port());
  send_while_blocked(served, client, revoke_k1);
  EXPECT_TRUE(client.is_silent_for(a_while));
  served.disk().unblock();
  EXPECT_TRUE(client.read_through("}").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST(Durability, OthersAreDeniedAndServedMeanwhile) {
  ServedEngine served;
  served.create("k1");
  RawClient client(served.port());
  send_while_blocked(served, client, revoke_k1);
  const auto verified = served.client().request("POST", "/v1/keys/verify", {}, R"({"secret":"k1......"})");
  EXPECT_EQ(verified.json()["state"].text(), "revoked") << "a deny may precede the sync";
}

TEST(Durability, CreationIsHeldAndUnknownUntilSynced) {
  ServedEngine served;
  auto client = served.client();
  send_while_blocked(served, client,
                     client.format("POST", "/v1/keys", {}, R"({"key_id":"k1","secret":"0123456789abcdef"})"));
  const auto early =
      served.client().request("POST", "/v1/keys/verify", {}, R"({"secret":"0123456789abcdef"})");
  EXPECT_EQ(early.json()["state"].text(), "unknown") << "an allow never precedes the sync";
  EXPECT_EQ(served.client().get("/v1/keys/k1").status, 404);
  EXPECT_FALSE(client.is_closed_within(a_while));
  served.disk().unblock();
  EXPECT_EQ(client.receive().status, 201);
  EXPECT_EQ(served.client().get("/v1/keys/k1").status, 200);
}

TEST(Durability, PipelineWaitsForTheOneThatWaits) {
  ServedEngine served;
  served.create("k1");
  RawClient client(served.port());
  send_while_blocked(served, client, liveness + revoke_k1 + liveness);
  expect_served(served);
  EXPECT_TRUE(client.is_silent_for(a_while));
  served.disk().unblock();
  EXPECT_NE(client.read_through("alive").find("200 OK"), std::string::npos);
  EXPECT_NE(client.read_through("\"revoked\"").find("Revocation-Position: 1-"), std::string::npos);
  EXPECT_NE(client.read_through("alive").find("200 OK"), std::string::npos);
}

TEST(Durability, RefusalBehindItWaitsToo) {
  ServedEngine served;
  served.create("k1");
  RawClient client(served.port());
  send_while_blocked(served, client, revoke_k1 + "nonsense\r\n\r\n");
  expect_served(served);
  EXPECT_TRUE(client.is_silent_for(a_while));
  served.disk().unblock();
  const auto answers = client.read_to_end();
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(test::count(answers, "HTTP/1.1 400 "), 1);
}

// A stream sends its data at once; earlier responses must not be sent with it.
TEST(Durability, StreamBehindItWaitsToo) {
  ServedEngine served;
  served.create("k1");
  RawClient client(served.port());
  send_while_blocked(
      served, client,
      revoke_k1 + ServedEngine::request("GET", "/v1/invalidations", "Accept: text/event-stream\r\n"));
  expect_served(served);
  EXPECT_TRUE(client.is_silent_for(a_while));
  served.disk().unblock();
  EXPECT_NE(client.read_through("\"state\":\"revoked\"").find("200 OK"), std::string::npos);
  EXPECT_NE(client.read_through("data: ").find("text/event-stream"), std::string::npos);
}

TEST(Durability, RepeatedRevocationWaitsForTheFirstOneAndAnswersTheSame) {
  ServedEngine served;
  served.create("k1");
  auto first = served.client();
  auto second = served.client();
  send_while_blocked(served, first, first.format("DELETE", "/v1/keys/k1?reason=leaked"));
  second.send(second.format("DELETE", "/v1/keys/k1?reason=other") + second.format("DELETE", "/v1/keys/k1"));
  expect_served(served);
  EXPECT_FALSE(second.is_closed_within(a_while));
  served.disk().unblock();
  const auto body = first.receive().body;
  EXPECT_EQ(second.receive().body, body);
  EXPECT_EQ(second.receive().body, body);
}

TEST(Durability, SecretsAreRevokedBeforeTheAnswer) {
  ServedEngine served;
  served.create("k1");
  served.create("k2");
  auto client = served.client();
  send_while_blocked(served, client,
                     client.format("POST", "/v1/keys/revoke", {},
                                   R"({"secrets":["k2......","nobody..","k1......","k2......"]})"));
  EXPECT_FALSE(client.is_closed_within(a_while));
  served.disk().unblock();
  const auto answer = client.receive();
  ASSERT_EQ(answer.status, 200);
  const auto results = answer.json()["results"];
  ASSERT_EQ(results.size(), 4);
  EXPECT_EQ(results[0]["key_id"].text(), "k2");
  EXPECT_EQ(results[1]["state"].text(), "unknown");
  EXPECT_EQ(results[2]["state"].text(), "revoked");
  EXPECT_EQ(results[3]["position"].text(), results[0]["position"].text());
}

TEST(Durability, OwnerRevocationWaits) {
  ServedEngine served;
  served.create("k1", "", "ann");
  served.create("k2", "", "ann");
  auto client = served.client();
  send_while_blocked(served, client, client.format("DELETE", "/v1/users/ann/keys"));
  EXPECT_FALSE(client.is_closed_within(a_while));
  served.disk().unblock();
  EXPECT_EQ(client.receive().json()["revoked"].number(), 2);
}

TEST(Durability, StorageFailureIsSilence) {
  ServedEngine served;
  for (const auto* id : {"k1", "k2", "k3"}) served.create(id);
  RawClient single(served.port());
  RawClient pipeline(served.port());
  RawClient repeated(served.port());
  served.disk().block();
  served.disk().fail_commit(1);
  single.send(revoke_k1);
  served.disk().wait_until_blocked();
  repeated.send(revoke_k1 + liveness);
  pipeline.send(liveness + ServedEngine::request("DELETE", "/v1/keys/k2") +
                ServedEngine::request("DELETE", "/v1/keys/k3"));
  expect_served(served);
  served.disk().unblock();
  for (auto* client : {&single, &repeated, &pipeline}) EXPECT_TRUE(client->is_closed_silently());
}

TEST(Durability, AfterAStorageFailureNothingIsAcknowledged) {
  ServedEngine served;
  served.create("k1");
  served.create("k2");
  served.disk().fail_commit(1);
  RawClient client(served.port());
  client.send(revoke_k1);
  EXPECT_TRUE(client.is_closed_silently());
  for (const auto* target : {"/v1/keys/k1", "/v1/keys/k2"}) {
    const auto answer = served.client().request("DELETE", target);
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.json()["code"].text(), "storage_failed");
  }
  EXPECT_EQ(served.client().get("/livez").status, 200);
  const auto readiness = served.client().get("/readyz");
  EXPECT_EQ(readiness.status, 503);
  EXPECT_EQ(readiness.json()["status"].text(), "storage_failed");
}

TEST(Durability, AnswersInFlightAreDeliveredWhileDraining) {
  ServedEngine::Options options;
  options.limits.drain_timeout = 1h;
  ServedEngine served(options);
  served.create("k1");
  RawClient client(served.port());
  RawClient idle(served.port());
  send_while_blocked(served, client, revoke_k1);
  auto drained = std::async(std::launch::async, [&] { served.server().drain(); });
  EXPECT_TRUE(idle.is_closed_silently());
  EXPECT_TRUE(client.is_silent_for(a_while));
  served.disk().unblock();
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 200 OK\r\n"));
  drained.get();
}

TEST(Durability, DrainDoesNotWaitForEverForTheDisk) {
  ServedEngine::Options options;
  options.limits.drain_timeout = 200ms;
  ServedEngine served(options);
  for (const auto* id : {"k1", "k2"}) served.create(id);
  RawClient waiting(served.port());
  RawClient repeating(served.port());
  send_while_blocked(served, waiting, revoke_k1);
  repeating.send(revoke_k1);
  expect_served(served);
  auto drained = std::async(std::launch::async, [&] { served.server().drain(); });
  const bool ended = drained.wait_for(10s) == std::future_status::ready;
  served.disk().unblock();
  EXPECT_TRUE(ended);
  EXPECT_TRUE(waiting.is_closed_silently()) << "unknown: not synced";
  EXPECT_TRUE(repeating.is_closed_silently());
}

TEST(Durability, ManyWaitForOneSync) {
  ServedEngine served;
  for (int i = 0; i < 100; ++i) served.create("k" + std::to_string(i));
  const auto before = served.disk().commit_count();
  RawClient client(served.port());
  send_while_blocked(served, client, ServedEngine::request("DELETE", "/v1/keys/k0"));
  std::string pipeline;
  for (int i = 1; i < 60; ++i) pipeline += ServedEngine::request("DELETE", "/v1/keys/k" + std::to_string(i));
  RawClient other(served.port());
  other.send(pipeline);
  ASSERT_TRUE(
      revoked::test::eventually([&] { return served.engine().applied() - served.engine().durable() == 60; }));
  served.disk().unblock();
  for (int i = 1; i < 60; ++i)
    ASSERT_NE(other.read_through("}").find("\"key_id\":\"k" + std::to_string(i)), std::string::npos);
  EXPECT_LE(served.disk().commit_count() - before, 3);  // the last one may be counted late
}

}  // namespace revoked::net::durability_test
