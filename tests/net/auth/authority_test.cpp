// A caller loses its permissions during its request: an open body, a stream.

#include "net/auth/authority.hpp"

#include <gtest/gtest.h>

#include "tests/net/api/feed_stream.hpp"
#include "tests/net/api/served_engine.hpp"
#include "tests/net/auth/jwt_harness.hpp"

namespace revoked::net::authority_test {

using namespace std::chrono_literals;
using revoked::test::eventually;
using test::RawClient;
using test::ServedEngine;
using test::Stream;

std::string import_line(const std::string& id) {
  return R"({"key_id":")" + id + R"(","secret_sha256":")" + engine::to_hex(engine::sha256(id)) + "\"}\n";
}
std::string revocation_line(const std::string& id) { return R"({"key_id":")" + id + "\"}\n"; }

std::string chunk(const std::string& text) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}

struct Answer {
  int status = 0;
  std::string head;
  std::string body;
  revoked::test::Json json() const { return revoked::test::Json::parse(body); }
};

class LiveAuthority : public testing::Test {
 protected:
  // A body that has not ended yet.
  std::unique_ptr<RawClient> open(const std::string& path, const std::string& credential) {
    auto client = std::make_unique<RawClient>(served().port());
    client->send("POST " + path + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                 ServedEngine::secret_of(credential) + "\r\nTransfer-Encoding: chunked\r\n\r\n");
    return client;
  }
  std::unique_ptr<RawClient> open_import(const std::string& credential) {
    return open("/v1/keys/import", credential);
  }
  // The response that ends the connection.
  static Answer receive(RawClient& client) {
    const auto text = client.read_to_end();
    EXPECT_TRUE(client.was_closed());
    const auto end = text.find("\r\n\r\n");
    if (!text.starts_with("HTTP/1.1 ") || end == std::string::npos) return {0, text, "{}"};
    return {std::stoi(text.substr(9)), text.substr(0, end), text.substr(end + 4)};
  }

  std::string state_of(const std::string& id) {
    const auto answer = served().client(operator_key_).get("/v1/keys/" + id);
    return answer.status == 404 ? "unknown" : answer.json()["state"].text();
  }
  bool becomes(const std::string& id, const std::string& state) {
    return eventually([&] { return state_of(id) == state; });
  }

  // Sends line after line until there is a response.
  static Answer import_until_answered(RawClient& client) {
    for (int i = 0; client.is_silent_for(10ms) && i < 3'000; ++i)
      client.send(chunk(import_line("more" + std::to_string(i))));
    return receive(client);
  }

  ServedEngine& served() {
    if (!served_) served_ = std::make_unique<ServedEngine>(options_);
    return *served_;
  }

  ServedEngine::Options options_;
  std::string operator_key_ = test::master_key;
  std::unique_ptr<ServedEngine> served_;
};

TEST_F(LiveAuthority, OfAnImportEndsWithItsKey) {
  served().create("caller", "keys:create");
  auto client = open_import("caller");
  client->send(chunk(import_line("k1") + import_line("k2") + "no JSON\n"));
  ASSERT_TRUE(becomes("k2", "active"));
  served().revoke("caller");
  client->send(chunk(import_line("k3") + import_line("k4")));
  const auto answer = receive(*client);
  EXPECT_EQ(answer.status, 401) << answer.body;
  const auto json = answer.json();
  EXPECT_EQ(json["code"].text(), "unauthenticated");
  EXPECT_EQ(json["lines"].number(), 3) << "the last processed line";
  EXPECT_EQ(json["created"].number(), 2);
  EXPECT_EQ(json["failed_count"].number(), 1);
  EXPECT_NE(answer.head.find("Revocation-Position: " + json["position"].text()), std::string::npos);
  EXPECT_EQ(state_of("k3"), "unknown");
}

TEST_F(LiveAuthority, OfABulkRevocationEndsWithItsKeysSuspension) {
  for (const auto* id : {"k1", "k2", "k3"}) served().create(id, "", id);
  served().create("caller", "keys:revoke");
  auto client = open("/v1/revocations", "caller");
  client->send(chunk(revocation_line("k1") + revocation_line("nobody")));
  ASSERT_TRUE(becomes("k1", "revoked"));
  ASSERT_TRUE(served().engine().suspend("caller", "", {}));
  client->send(chunk(revocation_line("k2") + R"({"user":"k3"})" + "\n"));
  const auto answer = receive(*client);
  EXPECT_EQ(answer.status, 401) << answer.body;
  const auto json = answer.json();
  EXPECT_EQ(json["lines"].number(), 2);
  EXPECT_EQ(json["accepted"].number(), 2);
  EXPECT_EQ(json["revoked"].number(), 1);
  EXPECT_EQ(json["unknown"].number(), 1);
  EXPECT_EQ(state_of("k2"), "active");
  EXPECT_EQ(state_of("k3"), "active");
}

// What has arrived in one piece is processed in turns; while the disk syncs one, the caller may lose its key.
TEST_F(LiveAuthority, IsLookedAtForEachTurnOfAPiece) {
  served().create("caller", "keys:revoke");
  for (const auto* id : {"k1", "k2"}) served().create(id, "", "ann");
  auto client = open("/v1/revocations", "caller");
  // It revokes its own key: the lines after that must not be processed.
  client->send(chunk(R"({"key_id":"caller"})"
                     "\n"
                     R"({"user":"ann"})"
                     "\n" +
                     revocation_line("k1")));
  const auto answer = receive(*client);
  EXPECT_EQ(answer.status, 401) << answer.body;
  EXPECT_EQ(answer.json()["lines"].number(), 1);
  EXPECT_EQ(answer.json()["revoked"].number(), 1);
  EXPECT_EQ(state_of("caller"), "revoked");
  EXPECT_EQ(state_of("k1"), "active");
}

TEST_F(LiveAuthority, AnswersOnlyWhatTheDiskHas) {
  served().create("caller", "keys:create");
  auto client = open_import("caller");
  served().disk().block();
  client->send(chunk(import_line("k1")));
  served().disk().wait_until_blocked();
  served().revoke("caller");
  client->send(chunk(import_line("k2")));
  EXPECT_TRUE(client->is_silent_for(100ms));
  served().disk().unblock();
  const auto answer = receive(*client);
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.json()["created"].number(), 1);
}

TEST_F(LiveAuthority, OfAStreamEndsWithItsKeyAndTellsNothingBehindThat) {
  served().create("k1");
  served().create("gateway", "gateway");
  Stream stream(served().client("gateway"), "0-0");
  ASSERT_EQ(stream.head().status, 200);
  served().revoke("gateway");
  served().revoke("k1");
  while (const auto event = stream.next()) {
    for (const auto& told : event->message().events) EXPECT_NE(told.key_id, "k1");
  }
  EXPECT_EQ(served().client("gateway").get("/v1/invalidations").status, 401);
}

TEST_F(LiveAuthority, OfAStreamEndsWithItsKeysTime) {
  engine::NewKey key;
  key.key_id = "gateway";
  key.digest = engine::sha256(ServedEngine::secret_of("gateway"));
  key.permissions = "gateway";
  key.expires_at = engine::now_unix_ms() + 1'500;
  ASSERT_TRUE(served().engine().create(key, {}));
  ASSERT_TRUE(served().sync());
  Stream stream(served().client("gateway"));
  ASSERT_EQ(stream.head().status, 200);
  int heartbeats = 0;
  while (stream.next()) ASSERT_LT(++heartbeats, 20);
}

TEST_F(LiveAuthority, OfAMasterKeyEndsWhenItLeavesTheFile) {
  const revoked::test::TemporaryDirectory directory;
  const auto file = (directory / "keys").string();
  const auto write = [&](const std::string& text) {
    std::ofstream(file + ".new") << text;
    std::filesystem::rename(file + ".new", file);
  };
  write("the-key-that-goes\nthe-key-that-stays\n");
  options_.master_key_file = file;
  operator_key_ = "the-key-that-stays";
  auto client = open_import("the-key-that-goes");
  client->send(chunk(import_line("k1")));
  ASSERT_TRUE(becomes("k1", "active"));
  write("the-key-that-stays\n");
  const auto answer = import_until_answered(*client);
  EXPECT_EQ(answer.status, 401) << answer.body;
  EXPECT_GE(answer.json()["created"].number(), 1);
}

class LiveTokens : public LiveAuthority {
 protected:
  LiveTokens() {
    write_keys({key_.jwk("one")});
    options_.tokens.emplace();
    options_.tokens->jwks_file = directory_ / "jwks.json";
    options_.tokens->rules.audience = "revoked";
  }
  void write_keys(const std::vector<std::string>& jwks) {
    std::ofstream(directory_ / "new") << key_set(jwks);
    std::filesystem::rename(directory_ / "new", directory_ / "jwks.json");
  }
  std::string token(int seconds, const std::string& scope) {
    const auto expires = std::to_string(engine::now_unix_ms() / 1000 + seconds);
    return key_.token(header("HS256", "one"), payload({{"exp", expires}, {"scope", "\"" + scope + "\""}}));
  }

  revoked::test::TemporaryDirectory directory_;
  SigningKey key_ = SigningKey::hs256(std::string(32, 'a'));
};

TEST_F(LiveTokens, EndAnImportWhenTheyExpire) {
  auto client = open_import(token(2, "keys:create"));
  client->send(chunk(import_line("k1")));
  ASSERT_TRUE(becomes("k1", "active"));
  const auto answer = import_until_answered(*client);
  EXPECT_EQ(answer.status, 401) << answer.body;
  EXPECT_GE(answer.json()["created"].number(), 1);
}

TEST_F(LiveTokens, EndAStreamWhenTheyExpire) {
  Stream stream(served().client(token(2, "gateway")));
  ASSERT_EQ(stream.head().status, 200);
  int heartbeats = 0;
  while (stream.next()) ASSERT_LT(++heartbeats, 20);
}

TEST_F(LiveTokens, EndAnImportWhenTheirKeyIsTakenOut) {
  const auto other = SigningKey::hs256(std::string(32, 'b'));
  auto client = open_import(token(600, "keys:create"));
  client->send(chunk(import_line("k1")));
  ASSERT_TRUE(becomes("k1", "active"));
  write_keys({other.jwk("one")});  // another one of the same name
  const auto answer = import_until_answered(*client);
  EXPECT_EQ(answer.status, 401) << answer.body;
}

TEST_F(LiveTokens, OutliveAChangeOfOtherKeys) {
  Authenticator authenticator(served().engine(),
                              std::make_unique<const MasterKeys>(std::vector<std::string>{}),
                              std::make_unique<const JwtVerifier>(*options_.tokens));
  const auto bearer = token(600, "keys:create");
  Authority authority(authenticator, {bearer, any_kind}, engine::Permission::keys_create);
  EXPECT_EQ(authority.recheck(), Authority::Standing::good);
  write_keys({SigningKey::hs256(std::string(32, 'b')).jwk("two"), key_.jwk("one")});
  // Shows that the file has been read again.
  const auto of_two = SigningKey::hs256(std::string(32, 'b'))
                          .token(header("HS256", "two"),
                                 payload({{"exp", std::to_string(engine::now_unix_ms() / 1000 + 600)}}));
  ASSERT_TRUE(eventually([&] {
    return authenticator.authenticate(Presented{of_two, any_kind}).has_value();
  }));
  EXPECT_EQ(authority.recheck(), Authority::Standing::good);
}

TEST_F(LiveTokens, AreNoAuthorityWithoutThePermission) {
  Authenticator authenticator(served().engine(),
                              std::make_unique<const MasterKeys>(std::vector<std::string>{}),
                              std::make_unique<const JwtVerifier>(*options_.tokens));
  const auto bearer = token(600, "keys:create");
  Authority wrong(authenticator, {bearer, any_kind}, engine::Permission::keys_revoke);
  EXPECT_EQ(wrong.standing(), Authority::Standing::changed);
  Authority nobody(authenticator, {"nobody", any_kind}, engine::Permission::keys_revoke);
  EXPECT_EQ(nobody.standing(), Authority::Standing::unauthenticated);
}

}  // namespace revoked::net::authority_test
