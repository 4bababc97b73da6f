// With an almost full disk, calls that only add data are refused, and calls that end keys are accepted.

#include "net/api/engine_durability.hpp"
#include "net/api/engine_service.hpp"
#include "net/dialects/dialects.hpp"
#include "net/http/server.hpp"
#include "tests/net/api/bulk_server.hpp"

namespace revoked::net::storage_full_test {

using namespace test;

class StorageFull : public testing::Test {
 protected:
  StorageFull() {
    EXPECT_TRUE(engine_.start(std::make_unique<engine::test::FakeStore>(disk_), feed_, [](const auto&) {}));
    EXPECT_EQ(admin_
                  .request("POST", "/v1/keys/import", {},
                           import_line("a", R"(,"user":"ann")") + import_line("b") + import_line("c") +
                               import_line("d", R"(,"user":"ann")"))
                  .json()["created"]
                  .number(),
              4);
    EXPECT_EQ(admin_.request("POST", "/v1/keys/c/suspend").status, 200);
    full_ = true;
  }
  ~StorageFull() override {
    server_.drain();
    engine_.stop();
  }
  void expect_refused(const std::string& target, const std::string& body) {
    const auto answer = admin_.request("POST", target, {}, body);
    EXPECT_EQ(answer.status, 507) << target << " " << answer.body;
    EXPECT_EQ(answer.json()["code"].text(), "storage_full");
  }
  HttpClient client() const {
    HttpClient client(server_.port());
    client.add_header("Authorization", "Bearer " + master_key);
    return client;
  }

  std::atomic<bool> full_{false};
  std::shared_ptr<engine::test::FakeDisk> disk_ = std::make_shared<engine::test::FakeDisk>();
  engine::Engine engine_{{}, [] {}};
  cache::Feed feed_;
  Authenticator authenticator_{engine_, {master_key}};
  std::atomic<bool> draining_{false};
  EngineService service_{
      Api{engine_, feed_, authenticator_, {}, draining_, [this] { return full_.load(); }, 6}, all_dialects};
  EngineDurability durability_{engine_};
  Server server_{Server::Options{{cache::asio::ip::address_v4::loopback(), 0}, 1, {}}, service_,
                 &durability_};
  HttpClient admin_ = client();
};

TEST_F(StorageFull, RefusesWhatOnlyGrows) {
  expect_refused("/v1/keys", "{}");
  expect_refused("/v1/keys/a/rotate", "");
  expect_refused("/v1/keys/c/resume", "");
  auto importer = client();
  const auto answer = importer.request("POST", "/v1/keys/import", {}, import_line("e"));
  EXPECT_EQ(answer.status, 507) << answer.body;
  auto dialect = client();
  dialect.add_header("X-API-Key", master_key);
  EXPECT_GE(dialect.request("POST", "/v1/flowplate/api-keys", {}, "{}").status, 500);
  full_ = false;
  EXPECT_EQ(admin_.request("POST", "/v1/keys", {}, "{}").status, 201);
}

TEST_F(StorageFull, GoesOnWithWhatEndsKeys) {
  EXPECT_EQ(admin_.request("POST", "/v1/keys/b/suspend").status, 200);
  EXPECT_EQ(admin_.request("DELETE", "/v1/keys/b").status, 200);
  EXPECT_EQ(admin_.request("DELETE", "/v1/users/ann/keys").json()["revoked"].number(), 2);
  const auto bulk = admin_.request("POST", "/v1/revocations", {}, R"({"key_id":"c"})");
  EXPECT_EQ(bulk.json()["revoked"].number(), 1) << bulk.body;
  for (const auto* id : {"a", "b", "c", "d"})
    EXPECT_EQ(admin_.get(std::string("/v1/keys/") + id).json()["state"].text(), "revoked") << id;
}

TEST_F(StorageFull, FailsTheLinesOfAnImportUnderWay) {
  full_ = false;
  auto importer = client();
  const auto first = import_line("e");
  const auto second = import_line("f");
  importer.send("POST /v1/keys/import HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + master_key +
                "\r\nContent-Length: " + std::to_string(first.size() + second.size()) + "\r\n\r\n" + first);
  ASSERT_TRUE(revoked::test::eventually([&] { return admin_.get("/v1/keys/e").status == 200; }));
  full_ = true;
  importer.send(second);
  const auto answer = importer.receive();
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["created"].number(), 1);
  EXPECT_EQ(answer.json()["failed"][0]["line"].number(), 2);
  EXPECT_EQ(answer.json()["failed"][0]["code"].text(), "storage_full");
}

// No tenant can fill the disk alone. There are two keys of ann, and two without an owner.
TEST_F(StorageFull, IsNotForOneWorkspaceToBringAbout) {
  full_ = false;
  const auto create = [&](const std::string& body) { return admin_.request("POST", "/v1/keys", {}, body); };
  std::string first;
  for (int i = 0; i < 6; ++i) {
    const auto made = create(R"({"workspace":"acme","user":"bob"})");
    ASSERT_EQ(made.status, 201) << made.body;
    if (first.empty()) first = made.json()["key_id"].text();
  }
  const auto refused = create(R"({"workspace":"acme"})");
  EXPECT_EQ(refused.status, 409) << refused.body;
  EXPECT_EQ(refused.json()["code"].text(), "limit_reached");
  const auto imported = admin_.request(
      "POST", "/v1/keys/import", {},
      import_line("e", R"(,"workspace":"acme")") + import_line("f", R"(,"workspace":"other")"));
  EXPECT_EQ(imported.json()["created"].number(), 1);
  EXPECT_EQ(imported.json()["failed"][0]["code"].text(), "limit_reached");
  EXPECT_EQ(create(R"({"user":"ann"})").status, 201) << "other owners are not affected";
  EXPECT_EQ(create("{}").status, 201);
  ASSERT_EQ(admin_.request("DELETE", "/v1/keys/" + first).status, 200);
  EXPECT_EQ(create(R"({"workspace":"acme"})").status, 201);
  EXPECT_EQ(create(R"({"workspace":"acme"})").status, 409);
  // Without a workspace the user counts.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(create(R"({"user":"ann"})").status, 201);
  EXPECT_EQ(create(R"({"user":"ann"})").status, 409);
}

}  // namespace revoked::net::storage_full_test
