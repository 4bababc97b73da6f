#include "tests/net/api/bulk_server.hpp"

namespace revoked::net::bulk_test {

using namespace test;

class BulkRequests : public testing::Test {
 protected:
  void import(int count, const std::string& more = "") {
    std::string body;
    for (int i = 0; i < count; ++i) body += import_line("k" + std::to_string(i), more);
    const auto answer = admin_.request("POST", "/v1/keys/import", {}, body);
    ASSERT_EQ(answer.status, 200) << answer.body;
    ASSERT_EQ(answer.json()["created"].number(), count) << answer.body;
  }
  Json revoke(const std::string& body, const std::string& query = "") {
    const auto answer = admin_.request("POST", "/v1/revocations" + query, {}, body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  std::string state_of(const std::string& id) { return admin_.get("/v1/keys/" + id).json()["state"].text(); }
  std::string head(const std::string& path, const std::string& framing) {
    return "POST " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + master_key + "\r\n" + framing +
           "\r\n\r\n";
  }

  ApiServer server_;
  HttpClient admin_ = server_.client();
};

TEST_F(BulkRequests, ImportKeysByDigestAndSayWhichLinesFailed) {
  const std::string body = import_line("a", R"(,"user":"ann","name":"laptop")") + "\n" + import_line("a") +
                           "no JSON\n" + R"({"key_id":"no secret"})" + "\n" + R"({"key_id":"b"})" + "\n" +
                           import_line("c", R"(,"colour":"red")") +
                           R"({"key_id":"d","secret":"sixteen letters and more"})";
  const auto answer = admin_.request("POST", "/v1/keys/import", {}, body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto json = answer.json();
  EXPECT_EQ(json["accepted"].number(), 2);
  EXPECT_EQ(json["created"].number(), 2);
  EXPECT_EQ(json["failed_count"].number(), 5);
  ASSERT_EQ(json["failed"].size(), 5u) << answer.body;
  const std::vector<std::pair<int, std::string>> expected{{3, "already_exists"},
                                                          {4, "malformed"},
                                                          {5, "invalid_field"},
                                                          {6, "secret_missing"},
                                                          {7, "invalid_field"}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(json["failed"][i]["line"].number(), expected[i].first);
    EXPECT_EQ(json["failed"][i]["code"].text(), expected[i].second);
  }
  EXPECT_EQ(answer.header("Revocation-Position"), json["position"].text());
  EXPECT_EQ(admin_.get("/v1/keys/a").json()["name"].text(), "laptop");
  const auto verified = admin_.request("POST", "/v1/keys/verify", {}, R"({"secret":"secret of a"})");
  EXPECT_EQ(verified.json()["key_id"].text(), "a");
}

TEST(PepperedImport, TakesADigestThatWasMadeWithoutThePepper) {
  ApiServer server({}, "a pepper of many characters");
  auto admin = server.client();
  const auto imported = admin.request("POST", "/v1/keys/import", {}, import_line("k")).json();
  EXPECT_EQ(imported["created"].number(), 1);
  const auto verified = admin.request("POST", "/v1/keys/verify", {}, R"({"secret":"secret of k"})").json();
  EXPECT_TRUE(verified["active"].is_true());
  EXPECT_EQ(verified["key_id"].text(), "k");
  const auto again = admin.request("POST", "/v1/keys", {}, R"({"secret":"secret of k, made up"})");
  EXPECT_EQ(again.status, 201) << again.body;
}

TEST_F(BulkRequests, RevokeByEveryKindOfTarget) {
  import(10, R"(,"user":"ann")");
  const std::string one = import_line("w1", R"(,"workspace":"acme","application":"shop")");
  ASSERT_EQ(admin_.request("POST", "/v1/keys/import", {}, one).status, 200);
  const auto json = revoke(R"({"key_id":"k0","reason":"leaked"})"
                           "\r\n"
                           R"({"reason":"leaked","secret":"secret of k1"})"
                           "\n"
                           R"({"key_id":"k0"})"
                           "\n"
                           R"({"key_id":"nobody"})"
                           "\n"
                           R"({"user":"ann","reason":"offboarding"})"
                           "\n"
                           R"({"workspace":"nowhere"})"
                           "\n"
                           R"({"user":"ann","key_id":"k3"})"
                           "\n"
                           R"({"reason":"why"})"
                           "\n"
                           R"({"application":"shop"})");
  EXPECT_EQ(json["accepted"].number(), 7);
  EXPECT_EQ(json["revoked"].number(), 11);
  EXPECT_EQ(json["already_revoked"].number(), 1);
  EXPECT_EQ(json["unknown"].number(), 2);
  EXPECT_EQ(json["failed_count"].number(), 2);
  EXPECT_EQ(json["failed"][0]["line"].number(), 7);
  const auto shown = admin_.get("/v1/keys/k0").json();
  EXPECT_EQ(shown["state"].text(), "revoked");
  EXPECT_EQ(shown["reason"].text(), "leaked");
  EXPECT_EQ(state_of("k9"), "revoked");
  EXPECT_EQ(state_of("w1"), "revoked");
}

TEST_F(BulkRequests, ADryRunCountsAndChangesNothing) {
  import(5, R"(,"user":"ann")");
  const auto before = server_.engine().applied();
  const auto json = revoke("{\"key_id\":\"k0\"}\n{\"user\":\"ann\"}\n{\"key_id\":\"x\"}\n", "?dry_run=true");
  EXPECT_EQ(json["revoked"].number(), 6);
  EXPECT_EQ(json["unknown"].number(), 1);
  EXPECT_TRUE(json["dry_run"].is_true());
  EXPECT_EQ(server_.engine().applied(), before);
  EXPECT_EQ(state_of("k0"), "active");
}

TEST_F(BulkRequests, ALineOverTheLimitFailsAloneAndThoseAroundItCount) {
  import(3);
  const std::string long_line = R"({"key_id":")" + std::string(200'000, 'x') + "\"}\n";
  const auto json =
      revoke("{\"key_id\":\"k0\"}\n" + long_line + "{\"key_id\":\"k1\"}\n" + long_line.substr(0, 70'000));
  EXPECT_EQ(json["revoked"].number(), 2);
  EXPECT_EQ(json["failed_count"].number(), 2);
  EXPECT_EQ(json["failed"][0]["line"].number(), 2);
  EXPECT_EQ(json["failed"][1]["line"].number(), 4);
  EXPECT_EQ(json["failed"][1]["code"].text(), "line_too_long");
}

TEST_F(BulkRequests, TellNoMoreThanAThousandFailuresButCountThemAll) {
  std::string body = "{\"key_id\":\"absent\"}\n";
  for (int i = 0; i < 5'000; ++i) body += "{}\n";
  const auto json = revoke(body);
  EXPECT_EQ(json["failed_count"].number(), 5'000);
  EXPECT_EQ(json["failed"].size(), 1'000u);
}

TEST_F(BulkRequests, MayBeLargerThanABodyElsewhereAndComeInChunksOfAnySize) {
  constexpr int count = 20'000;  // above 1 MiB
  import(count);
  std::string body;
  for (int i = 0; i < count; ++i) body += "{\"key_id\":\"k" + std::to_string(i) + "\"}\n";
  for (const std::size_t chunk_bytes : {1ul, 7ul, 1000ul, 300'000ul}) {
    const auto part =
        body.substr(0, chunk_bytes == 1 ? body.find("\n{\"key_id\":\"k1000\"") + 1 : body.size());
    admin_.send(head("/v1/revocations", "Transfer-Encoding: chunked") + chunked(part, chunk_bytes));
    const auto answer = admin_.receive();
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto json = answer.json();
    EXPECT_EQ(json["revoked"].number() + json["already_revoked"].number(), chunk_bytes == 1 ? 1'000 : count);
  }
  EXPECT_EQ(state_of("k19999"), "revoked");
}

TEST_F(BulkRequests, TakeEffectLineByLineAndAreAnsweredWhenTheDiskHasThem) {
  import(2);
  admin_.send(head("/v1/revocations", "Content-Length: 36") + "{\"key_id\":\"k0\"}\n");
  HttpClient other = server_.client();
  EXPECT_TRUE(revoked::test::eventually(
      [&] { return other.get("/v1/keys/k0").json()["state"].text() == "revoked"; }));
  server_.disk().block();
  admin_.send("{\"key_id\":\"k1\"}\n    ");
  server_.disk().wait_until_blocked();
  EXPECT_FALSE(admin_.is_closed_within(std::chrono::milliseconds(100)));
  server_.disk().unblock();
  const auto answer = admin_.receive();
  EXPECT_EQ(answer.json()["revoked"].number(), 2) << answer.body;
  EXPECT_EQ(admin_.get("/livez").status, 200) << "the connection stays usable";
}

TEST_F(BulkRequests, HonourExpectContinueAndCloseWhenRefusedUnread) {
  admin_.send(head("/v1/revocations", "Content-Length: 17\r\nExpect: 100-continue"));
  EXPECT_EQ(admin_.receive_headers().status, 100);
  admin_.send("{\"key_id\":\"none\"}");
  EXPECT_EQ(admin_.receive().json()["unknown"].number(), 1);

  HttpClient stranger = server_.client("nobody's key");
  stranger.send("POST /v1/revocations HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000\r\n\r\n{}");
  const auto refused = stranger.receive();
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.header("Connection"), "close");
  EXPECT_TRUE(stranger.is_closed_within(std::chrono::seconds(3)));
}

TEST_F(BulkRequests, AMalformedChunkEndsTheConnection) {
  import(1);
  admin_.send(head("/v1/revocations", "Transfer-Encoding: chunked") + "10\r\n{\"key_id\":\"k0\"}\n\r\n");
  HttpClient other = server_.client();
  EXPECT_TRUE(revoked::test::eventually(
      [&] { return other.get("/v1/keys/k0").json()["state"].text() == "revoked"; }));
  admin_.send("no size\r\n");
  EXPECT_EQ(admin_.receive().status, 400);
  EXPECT_TRUE(admin_.is_closed_within(std::chrono::seconds(3)));
}

TEST_F(BulkRequests, KeepWithinTheCallersReach) {
  import(2, R"(,"workspace":"acme")");
  ASSERT_EQ(
      admin_.request("POST", "/v1/keys/import", {}, import_line("mine", R"(,"workspace":"ours")")).status,
      200);
  const auto made = admin_.request("POST", "/v1/keys", {},
                                   R"({"workspace":"ours","permissions":["keys:revoke","keys:create"]})");
  HttpClient tenant = server_.client(made.json()["secret"].text());
  const auto revoked = tenant
                           .request("POST", "/v1/revocations", {},
                                    "{\"key_id\":\"k0\"}\n{\"workspace\":\"acme\"}\n{\"key_id\":\"mine\"}")
                           .json();
  EXPECT_EQ(revoked["unknown"].number(), 2);
  EXPECT_EQ(revoked["revoked"].number(), 1);
  EXPECT_EQ(state_of("k0"), "active");
  const auto imported =
      tenant
          .request("POST", "/v1/keys/import", {},
                   import_line("x", R"(,"workspace":"acme")") +
                       import_line("y", R"(,"permissions":["audit:read"])") + import_line("z"))
          .json();
  EXPECT_EQ(imported["created"].number(), 1);
  EXPECT_EQ(imported["failed"][0]["code"].text(), "forbidden");
  EXPECT_EQ(imported["failed"][1]["code"].text(), "forbidden");
}

}  // namespace revoked::net::bulk_test
