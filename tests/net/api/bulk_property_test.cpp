// Random keys, through import and bulk revocation: every key reads back exactly as it was sent, whatever else
// was in the same request, and stored data never breaks a response.

#include <gmock/gmock.h>

#include <map>
#include <optional>

#include "engine/model/ids.hpp"
#include "tests/net/api/bulk_server.hpp"
#include "tests/net/api/random_keys.hpp"
#include "tests/support/plain_json.hpp"

namespace revoked::net::test::bulk_property_test {

using revoked::test::PlainJson;
using revoked::test::read_plain_json;

constexpr int rounds = revoked::test::sanitized ? 6 : 12;

PlainJson parsed(const HttpResponse& answer) {
  const auto value = read_plain_json(answer.body);
  EXPECT_TRUE(value) << "not JSON: " << answer.body.substr(0, 400);
  return value.value_or(PlainJson{});
}

struct SentKey {
  std::string key_id;
  std::string secret;
  std::string line;
};

class RandomBulk : public testing::TestWithParam<int> {
 protected:
  RandomBulk() : keys_(seed()) {
    const auto made =
        admin_.request("POST", "/v1/keys", {},
                       R"({"key_id":"creator","workspace":"ours","permissions":["keys:create","a"]})");
    creator_.emplace(server_.client(made.json()["secret"].text()));
  }
  // Random each time, and printed on failure.
  static unsigned seed() {
    static const unsigned first = std::random_device{}();
    return first + static_cast<unsigned>(GetParam());
  }

  // One kind of metadata per round, so that a fault of one kind occurs often.
  SentKey key(std::size_t number, std::size_t metadata_bytes, bool is_numbers) {
    SentKey key;
    key.key_id = keys_.id(100) + "-" + std::to_string(number);
    key.secret = "the-secret-of-" + std::to_string(number) + "-" + keys_.id(200);
    key.line = "{\"key_id\":" + keys_.quoted(key.key_id);
    if (keys_.one_in(2)) {
      key.line += ",\"secret\":" + keys_.quoted(key.secret);
    } else {
      key.line += ",\"secret_sha256\":\"" + hex_of(key.secret) + "\"";
    }
    if (!keys_.one_in(3)) key.line += "," + keys_.blank() + "\"name\":" + keys_.quoted(keys_.text(256));
    for (const auto* owner : {"user", "application", "workspace"}) {
      if (keys_.one_in(3))
        key.line += std::string(",\"") + owner + "\":" + keys_.quoted(keys_.id(128, "@:+"));
    }
    if (keys_.one_in(3)) key.line += R"(,"permissions":["a","b:c"])";
    if (metadata_bytes > 0) {
      key.line += ",\"metadata\":{" + keys_.quoted(keys_.text(12)) + ":";
      key.line += (is_numbers ? keys_.numbers(metadata_bytes) : keys_.value(metadata_bytes)) + "}";
    }
    key.line += "}";
    return key;
  }

  // The accepted keys, by id.
  std::map<std::string, SentKey> import(const std::vector<SentKey>& sent, HttpClient& client) {
    std::string body;
    for (const auto& key : sent) body += key.line + "\n";
    client.send(client.format("POST", "/v1/keys/import", {{"Transfer-Encoding", "chunked"}}) +
                chunked(body, 1 + keys_.below(100'000)));
    const auto answer = client.receive();
    // 400 where no line was valid, with the same counts.
    EXPECT_TRUE(answer.status == 200 || answer.status == 400) << answer.body;
    EXPECT_EQ(answer.status == 400, !answer.json()["type"].text().empty());
    std::map<std::string, SentKey> taken;
    for (const auto& key : sent) taken.emplace(key.key_id, key);
    const auto json = answer.json();
    for (const auto& failed : json["failed"].items()) {
      const auto& key = sent.at(static_cast<std::size_t>(failed["line"].number()) - 1);
      EXPECT_THAT(failed["code"].text(), testing::AnyOf("invalid_field", "invalid_owner_id", "forbidden"))
          << key.line;
      taken.erase(key.key_id);
    }
    EXPECT_EQ(json["created"].number(), static_cast<std::int64_t>(taken.size()));
    return taken;
  }

  void expect_as_sent(const SentKey& key) {
    SCOPED_TRACE(key.line);
    const auto answer = admin_.get("/v1/keys/" + key.key_id);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto stored = parsed(answer);
    const auto asked = read_plain_json(key.line);
    ASSERT_TRUE(asked);
    EXPECT_EQ(stored.text_of("key_id"), key.key_id);
    for (const auto* name : {"name", "user", "application"})
      EXPECT_EQ(stored.text_of(name), asked->text_of(name));
    if (asked->find("workspace") != nullptr) {
      EXPECT_EQ(stored.text_of("workspace"), asked->text_of("workspace"));
    }
    for (const auto* name : {"metadata", "permissions"}) {
      const auto* there = stored.find(name);
      const auto* wanted = asked->find(name);
      if (wanted == nullptr) continue;
      ASSERT_NE(there, nullptr) << name << " in " << answer.body;
      EXPECT_TRUE(*there == *wanted) << name << " in " << answer.body;
    }
    const auto verified =
        admin_.request("POST", "/v1/keys/verify", {}, "{\"secret\":\"" + key.secret + "\"}");
    EXPECT_EQ(verified.json()["key_id"].text(), key.key_id);
  }

  // Every page of every key is JSON, and every id in it is one.
  std::size_t expect_list_is_sound() {
    std::size_t count = 0;
    std::string cursor;
    do {
      const auto page =
          parsed(admin_.get("/v1/keys?limit=100" + (cursor.empty() ? "" : "&cursor=" + cursor)));
      const auto* keys = page.find("keys");
      if (keys == nullptr) {
        ADD_FAILURE() << "no keys";
        break;
      }
      for (const auto& key : keys->items) {
        ++count;
        EXPECT_TRUE(engine::is_key_id(key.text_of("key_id"))) << key.text_of("key_id");
        for (const auto* owner : {"user", "application", "workspace"}) {
          EXPECT_TRUE(key.find(owner) == nullptr || key.find(owner)->kind == PlainJson::Kind::null ||
                      engine::is_owner_id(key.text_of(owner)))
              << key.text_of(owner);
        }
      }
      cursor = page.text_of("cursor");
    } while (!cursor.empty() && !HasFailure());
    return count;
  }

  RandomKeys keys_;
  ApiServer server_;
  HttpClient admin_ = server_.client();
  std::optional<HttpClient> creator_;
};

TEST_P(RandomBulk, EveryImportedKeyReadsBackAsItWasSent) {
  SCOPED_TRACE("seed " + std::to_string(seed()));
  const auto count = 1 + keys_.below(400);
  const std::size_t bytes[] = {0, 8, 200, 1100, 3900, 4200};
  const auto metadata_bytes = bytes[static_cast<std::size_t>(GetParam()) % std::size(bytes)];
  std::vector<SentKey> sent;
  for (std::size_t i = 0; i < count; ++i) sent.push_back(key(i, metadata_bytes, GetParam() % 2 == 1));
  const auto taken = import(sent, admin_);
  EXPECT_EQ(expect_list_is_sound(), taken.size() + 1);
  for (const auto& [id, key] : taken) {
    expect_as_sent(key);
    if (HasFailure()) break;  // one line is enough to read
  }
}

TEST_P(RandomBulk, WhatACallerOfAWorkspaceImportsIsSoundToo) {
  SCOPED_TRACE("seed " + std::to_string(seed()));
  std::vector<SentKey> sent;
  const auto count = 1 + keys_.below(400);
  for (std::size_t i = 0; i < count; ++i) sent.push_back(key(i, 1100, true));
  const auto taken = import(sent, *creator_);
  EXPECT_EQ(expect_list_is_sound(), taken.size() + 1);
  for (const auto& [id, key] : taken) {
    expect_as_sent(key);
    EXPECT_EQ(parsed(admin_.get("/v1/keys/" + id)).text_of("workspace"), "ours");
    if (HasFailure()) break;
  }
}

TEST_P(RandomBulk, RevokesWhatItNamesAndNothingElse) {
  SCOPED_TRACE("seed " + std::to_string(seed()));
  std::vector<SentKey> sent;
  for (std::size_t i = 0; i < 300; ++i) sent.push_back(key(i, 0, false));
  const auto taken = import(sent, admin_);
  std::map<std::string, std::string> reasons;  // of those to be revoked; the first counts
  std::string body;
  for (const auto& [id, key] : taken) {
    if (keys_.one_in(3)) continue;
    const auto reason = keys_.text(256);
    if (reason.size() > 256) continue;
    body += keys_.one_in(2) ? "{\"key_id\":" + keys_.quoted(id) : "{\"secret\":" + keys_.quoted(key.secret);
    body += ",\"reason\":" + keys_.quoted(reason) + "}\n";
    if (keys_.one_in(9)) body += "{\"key_id\":\"nobody\"}\nnonsense\n\n";
    reasons.emplace(id, reason);
  }
  admin_.send(admin_.format("POST", "/v1/revocations", {{"Transfer-Encoding", "chunked"}}) +
              chunked(body, 1 + keys_.below(100'000)));
  const auto answer = admin_.receive();
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["revoked"].number(), static_cast<std::int64_t>(reasons.size())) << answer.body;
  EXPECT_EQ(expect_list_is_sound(), taken.size() + 1);
  for (const auto& [id, key] : taken) {
    const auto stored = parsed(admin_.get("/v1/keys/" + id));
    const auto wanted = reasons.find(id);
    EXPECT_EQ(stored.text_of("state"), wanted == reasons.end() ? "active" : "revoked") << key.line;
    if (wanted != reasons.end()) {
      EXPECT_EQ(stored.text_of("reason"), wanted->second);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, RandomBulk, testing::Range(0, rounds));

}  // namespace revoked::net::test::bulk_property_test
