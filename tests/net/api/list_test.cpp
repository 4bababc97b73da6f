#include <set>

#include "tests/net/api/bulk_server.hpp"

namespace revoked::net::list_test {

using namespace test;

class ListedKeys : public testing::Test {
 protected:
  void create(const std::string& id, const std::string& more = "") {
    const auto answer = admin_.request("POST", "/v1/keys/import", {}, import_line(id, more));
    ASSERT_EQ(answer.json()["created"].number(), 1) << answer.body;
  }
  std::vector<std::string> ids(HttpClient& client, const std::string& query = "") {
    const auto answer = client.get("/v1/keys" + query);
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::vector<std::string> found;
    const auto json = answer.json();
    for (const auto& key : json["keys"].items()) found.push_back(key["key_id"].text());
    return found;
  }
  using Ids = std::vector<std::string>;

  ApiServer server_;
  HttpClient admin_ = server_.client();
};

TEST_F(ListedKeys, ComeInOrderOfTheirCreationWithStateAndRecord) {
  create("b", R"(,"user":"ann","name":"laptop","metadata":{"team":"blue"})");
  create("a");
  create("a-1");
  ASSERT_EQ(admin_.request("DELETE", "/v1/keys/a").status, 200);
  const auto answer = admin_.get("/v1/keys");
  const auto json = answer.json();
  ASSERT_EQ(json["keys"].size(), 3u) << answer.body;
  EXPECT_EQ(json["keys"][0]["name"].text(), "laptop");
  EXPECT_EQ(json["keys"][0]["user"].text(), "ann");
  EXPECT_EQ(json["keys"][0]["metadata"]["team"].text(), "blue");
  EXPECT_EQ(json["keys"][1]["key_id"].text(), "a");
  EXPECT_EQ(json["keys"][1]["state"].text(), "revoked");
  EXPECT_EQ(json["keys"][2]["key_id"].text(), "a-1");
  EXPECT_EQ(json["cursor"].type(), Json::Type::null);
  EXPECT_EQ(answer.body.find("secret\""), std::string::npos);
  EXPECT_EQ(answer.body.find("sha256"), std::string::npos);
}

TEST_F(ListedKeys, CanBeFilteredByOwnerAndState) {
  create("k1", R"(,"user":"ann","workspace":"acme","expires_at":"2020-01-01T00:00:00Z")");
  create("k2", R"(,"user":"ann","workspace":"acme")");
  create("k3", R"(,"user":"bob","workspace":"acme","application":"shop")");
  create("k4", R"(,"user":"ann")");
  ASSERT_EQ(admin_.request("POST", "/v1/keys/k4/suspend").status, 200);
  ASSERT_EQ(admin_.request("DELETE", "/v1/users/bob/keys").status, 200);
  EXPECT_EQ(ids(admin_, "?user=ann"), (Ids{"k1", "k2", "k4"}));
  EXPECT_EQ(ids(admin_, "?user=ann&workspace=acme"), (Ids{"k1", "k2"}));
  EXPECT_EQ(ids(admin_, "?application=shop"), (Ids{"k3"}));
  EXPECT_EQ(ids(admin_, "?state=active"), (Ids{"k2"}));
  EXPECT_EQ(ids(admin_, "?state=expired"), (Ids{"k1"}));
  EXPECT_EQ(ids(admin_, "?state=suspended"), (Ids{"k4"}));
  EXPECT_EQ(ids(admin_, "?state=revoked"), (Ids{"k3"}));
  EXPECT_EQ(ids(admin_, "?user=nobody"), Ids{});
}

TEST_F(ListedKeys, ComePageByPageEachExactlyOnce) {
  for (int i = 0; i < 25; ++i) create("key-" + std::to_string(i));
  std::set<std::string> seen;
  std::string query = "?limit=10";
  int pages = 0;
  for (; pages < 5; ++pages) {
    const auto json = admin_.get("/v1/keys" + query).json();
    for (const auto& key : json["keys"].items()) EXPECT_TRUE(seen.insert(key["key_id"].text()).second);
    if (json["cursor"].type() == Json::Type::null) break;
    query = "?limit=10&cursor=" + json["cursor"].text();
  }
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(seen.size(), 25u);
}

TEST_F(ListedKeys, OutOfReachAreNotThere) {
  create("k1", R"(,"workspace":"acme")");
  create("k2", R"(,"workspace":"ours")");
  create("k3");
  const auto made = admin_.request("POST", "/v1/keys", {},
                                   R"({"key_id":"us","workspace":"ours","permissions":["keys:read"]})");
  HttpClient tenant = server_.client(made.json()["secret"].text());
  EXPECT_EQ(ids(tenant), (Ids{"k2", "us"}));
  EXPECT_EQ(ids(tenant, "?workspace=acme"), Ids{});
}

// The key at the end of a page may be another tenant's: a list examines all keys.
TEST_F(ListedKeys, HaveCursorsThatTellNothingAndThatNobodyElseMakes) {
  create("k1", R"(,"workspace":"ours")");
  create("k2", R"(,"workspace":"ours")");
  const auto page = admin_.get("/v1/keys?limit=1").json();
  const auto cursor = page["cursor"].text();
  EXPECT_EQ(cursor.find("6b31"), std::string::npos) << "the id in hexadecimal digits";
  EXPECT_EQ(ids(admin_, "?cursor=" + cursor), Ids{"k2"});
  for (const auto& made : {std::string("6b31"), cursor.substr(1), "B" + cursor.substr(1)}) {
    const auto answer = admin_.get("/v1/keys?cursor=" + made);
    if (made == cursor) continue;
    EXPECT_EQ(answer.status, 400) << made;
    EXPECT_EQ(answer.json()["code"].text(), "invalid_cursor") << made;
  }
}

TEST_F(ListedKeys, RefuseWhatTheyDoNotUnderstand) {
  for (const auto* query : {"?limit=0", "?limit=1001", "?limit=x", "?state=gone", "?cursor=zz", "?cursor=0",
                            "?cursor=00", "?user=a%0Ab"}) {
    EXPECT_EQ(admin_.get(std::string("/v1/keys") + query).status, 400) << query;
  }
  EXPECT_EQ(server_.client("nobody").get("/v1/keys").status, 401);
}

}  // namespace revoked::net::list_test
