// A line of GET /v1/keys is accepted as a line of an import.

#include <gtest/gtest.h>

#include "tests/net/api/served_engine.hpp"

namespace revoked::net::import_record_test {

using revoked::test::Json;
using test::ServedEngine;

std::string digest_in_hex(const std::string& secret) { return engine::to_hex(engine::sha256(secret)); }

class ImportedRecord : public testing::Test {
 protected:
  // Code of the only line; empty if it was accepted.
  std::string import_one(const std::string& members, const std::string& secret) {
    const auto line =
        R"({"secret_sha256":")" + digest_in_hex(ServedEngine::secret_of(secret)) + "\"" + members + "}\n";
    const auto answer = client_.request("POST", "/v1/keys/import", {}, line).json();
    EXPECT_EQ(answer["created"].number() + answer["failed_count"].number(), 1) << line;
    return answer["failed"][0]["code"].text();
  }
  std::string state(const std::string& secret) {
    return client_
        .request("POST", "/v1/keys/verify", {}, R"({"secret":")" + ServedEngine::secret_of(secret) + "\"}")
        .json()["state"]
        .text();
  }

  ServedEngine served_;
  revoked::test::HttpClient client_ = served_.client();
};

TEST_F(ImportedRecord, IsTheKeyThatWasListedElsewhere) {
  ServedEngine other;
  auto admin = other.client();
  const auto post = [&](const std::string& path, const std::string& body = {}) {
    EXPECT_LT(admin.request("POST", path, {}, body).status, 300) << path;
  };
  for (const std::string id : {"active", "suspended", "revoked", "expired"}) {
    auto body = R"({"key_id":")" + id + R"(","secret":"the-secret-of-)" + id +
                R"(","user":"ann","name":"n","permissions":["a","b"],"metadata":{"x":1})";
    if (id == "expired") body += R"(,"expires_at":"2020-01-01T00:00:00Z")";
    post("/v1/keys", body + "}");
  }
  post("/v1/keys/suspended/suspend", R"({"reason":"holiday"})");
  ASSERT_EQ(admin.request("DELETE", "/v1/keys/revoked?reason=leaked").status, 200);

  std::string lines;
  const auto records = admin.get("/v1/keys").json()["keys"];
  const auto shown = admin.get("/v1/keys/revoked").body;
  for (const auto& record : records.items()) {
    const auto id = record["key_id"].text();
    auto line = admin.get("/v1/keys/" + id).body;
    line.pop_back();
    lines += line + R"(,"secret_sha256":")" + digest_in_hex("the-secret-of-" + id) + "\"}\n";
  }
  const auto answer = client_.request("POST", "/v1/keys/import", {}, lines);
  ASSERT_EQ(answer.json()["created"].number(), 4) << answer.body;
  for (const auto& before : records.items()) {
    const auto id = before["key_id"].text();
    const auto after = client_.get("/v1/keys/" + id).json();
    for (const auto* member : {"state", "user", "name", "expires_at", "created_at"})
      EXPECT_EQ(after[member].text(), before[member].text()) << id << " " << member;
    EXPECT_EQ(after["permissions"].size(), 2u);
    EXPECT_EQ(after["metadata"]["x"].number(), 1);
    EXPECT_EQ(state("the-secret-of-" + id), id);
  }
  EXPECT_EQ(client_.get("/v1/keys/revoked").json()["reason"].text(), "leaked");
  EXPECT_EQ(client_.request("POST", "/v1/keys/revoked/resume").status, 409) << "permanently";
  EXPECT_EQ(client_.request("POST", "/v1/keys/suspended/resume").status, 200);
}

TEST_F(ImportedRecord, P15UnderstoodMayNotContradictItself) {
  EXPECT_EQ(import_one(R"(,"state":"expired")", "s1"), "invalid_field");
  EXPECT_EQ(import_one(R"(,"state":"expired","expires_at":"2100-01-01T00:00:00Z")", "s2"), "invalid_field");
  EXPECT_EQ(import_one(R"(,"state":"gone")", "s3"), "invalid_field");
  EXPECT_EQ(import_one(R"(,"state":true)", "s4"), "invalid_field");
  EXPECT_EQ(import_one(R"(,"revoked_at":"2020-01-01T00:00:00Z")", "s5"), "invalid_field");
  EXPECT_EQ(import_one(R"(,"reason":"leaked")", "s6"), "invalid_field");
  EXPECT_EQ(import_one(R"(,"created_at":"yesterday")", "s7"), "invalid_field");
  EXPECT_EQ(import_one(R"(,"secrets":"x")", "s8"), "invalid_field");
  EXPECT_EQ(import_one(R"(,"states":"active")", "s9"), "invalid_field");
  for (const auto* secret : {"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"})
    EXPECT_EQ(state(secret), "unknown") << secret;
  EXPECT_EQ(import_one(R"(,"state":null,"revoked_at":null,"created_at":null,"secrets":[])", "s10"), "");
  EXPECT_EQ(client_.request("POST", "/v1/keys", {}, R"({"state":"revoked"})").status, 400)
      << "a new key has no record yet";
}

// Never visible as active, not even at first.
TEST_F(ImportedRecord, P2AbsorbingIsRevokedFromTheFirst) {
  ASSERT_EQ(import_one(R"(,"key_id":"k","state":"revoked","user":"ann")", "s"), "");
  EXPECT_EQ(state("s"), "revoked");
  EXPECT_EQ(client_.request("DELETE", "/v1/users/ann/keys").json()["revoked"].number(), 0);
  served_.disk().block();
  client_.send(client_.format(
      "POST", "/v1/keys/import", {},
      R"({"secret_sha256":")" + digest_in_hex(ServedEngine::secret_of("t")) + R"(","state":"revoked"})"));
  served_.disk().wait_until_blocked();
  auto other = served_.client();
  const auto early = other.request("POST", "/v1/keys/verify", {}, R"({"secret":"t......."})").json();
  EXPECT_FALSE(early["active"].is_true());
  served_.disk().unblock();
  EXPECT_EQ(client_.receive().json()["created"].number(), 1);
  EXPECT_EQ(state("t"), "revoked");
}

// SHA-256 of "the-leaked-secret", in the usual forms.
TEST_F(ImportedRecord, ADigestMayBeInBase64WhereverOneIsTaken) {
  const auto digest = engine::sha256("the-leaked-secret");
  for (const bool url : {false, true}) {
    for (const bool padded : {false, true}) {
      const std::string id = std::string(url ? "url" : "plain") + (padded ? "-padded" : "");
      std::string text;
      const char* const alphabet = url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                                       : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
      for (std::size_t bit = 0; bit < 258; bit += 6) {
        unsigned sextet = 0;
        for (std::size_t i = bit; i < bit + 6; ++i)
          sextet = sextet << 1 | (i < 256 ? digest[i / 8] >> (7 - i % 8) & 1u : 0u);
        text.push_back(alphabet[sextet]);
      }
      ASSERT_EQ(engine::digest_from_text(text), digest);
      if (padded) text.push_back('=');
      ServedEngine served;
      auto admin = served.client();
      const auto line = R"({"secret_sha256":")" + text + R"(","key_id":")" + id + "\"}";
      EXPECT_EQ(admin.request("POST", "/v1/keys/import", {}, line).json()["created"].number(), 1);
      const auto bulk = R"({"secret_sha256":")" + text + "\"}";
      EXPECT_EQ(admin.request("POST", "/v1/revocations?dry_run=true", {}, bulk).json()["revoked"].number(),
                1);
      EXPECT_EQ(admin.request("POST", "/v1/keys/revoke", {}, bulk).json()["results"][0]["key_id"].text(), id);
      const auto created = admin.request("POST", "/v1/keys", {}, line);
      EXPECT_EQ(created.status, 409) << created.body;
    }
  }
}

}  // namespace revoked::net::import_record_test
