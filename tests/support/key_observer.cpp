#include "tests/support/key_observer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace revoked::test {
namespace {

void end(KeyObserver::Key& key, std::string_view verb, std::string_view reason, std::string revoked_at = {}) {
  key.state = "revoked";
  key.verbs.emplace_back(verb);
  key.reason = reason;
  key.revoked_at = std::move(revoked_at);
}

std::string creation(const std::string& user) { return json_object({{"user", user}}); }

}  // namespace

void KeyObserver::acknowledge(const HttpResponse& response) {
  // A record contains the position of its creation.
  const auto position =
      engine::parse_position(response.header("Revocation-Position")).value_or(engine::Position{});
  if (response.status / 100 != 2 || position.sequence == 0)
    throw std::runtime_error("not acknowledged: " + std::to_string(response.status) + " " + response.body);
  EXPECT_GE(position.epoch, least_epoch_) << "an epoch was given again";
  EXPECT_GT(position.sequence, last_.sequence) << "a sequence was given again";
  last_ = std::max(last_, position);
}

KeyObserver::Range KeyObserver::create(HttpClient& client, std::size_t count, const std::string& user) {
  const auto first = keys_.size();
  const std::vector<std::string> requests(count, client.format("POST", "/v1/keys", {}, creation(user)));
  exchange(client, requests, [&](std::size_t, const HttpResponse& response) {
    acknowledge(response);
    const auto json = response.json();
    keys_.push_back(
        {json["key_id"].text(), user, json["secret"].text(), "active", {"key.created"}, {}, {}, {}, {}});
  });
  return {first, keys_.size()};
}

KeyObserver::Range KeyObserver::import(HttpClient& client, std::size_t count, std::size_t metadata_bytes) {
  const auto first = keys_.size();
  const auto user = new_user();
  const std::string metadata(metadata_bytes, 'm');
  std::string lines;
  for (std::size_t i = first; i < first + count; ++i) {
    const auto id = "imported-" + std::to_string(i);
    lines += R"({"key_id":")" + id + R"(","secret":"secret-of-)" + id + R"(","user":")" + user +
             R"(","metadata":{"m":")" + metadata + "\"}}\n";
    keys_.push_back({id, user, "secret-of-" + id, "active", {"key.created"}, {}, {}, {}, {}});
  }
  const auto response = client.request("POST", "/v1/keys/import", {}, lines);
  acknowledge(response);
  EXPECT_EQ(response.json()["created"].number(), static_cast<std::int64_t>(count)) << response.body;
  return {first, keys_.size()};
}

void KeyObserver::change(HttpClient& client, Range range,
                         const std::function<std::string(const Key&)>& request, const Answered& answered) {
  std::vector<std::string> requests;
  for (auto i = range.first; i < range.second; ++i) requests.push_back(request(keys_[i]));
  exchange(client, requests, [&](std::size_t i, const HttpResponse& response) {
    acknowledge(response);
    answered(keys_[range.first + i], response);
  });
}

void KeyObserver::revoke(HttpClient& client, Range range) {
  change(
      client, range,
      [&](const Key& key) { return client.format("DELETE", "/v1/keys/" + key.id + "?reason=leaked"); },
      [](Key& key, const HttpResponse& response) {
        end(key, "key.revoked", "leaked", response.json()["revoked_at"].text());
      });
}

void KeyObserver::revoke_user(HttpClient& client, Range range) {
  acknowledge(client.request("DELETE", "/v1/users/" + keys_[range.first].user + "/keys?reason=left"));
  for (auto i = range.first; i < range.second; ++i) end(keys_[i], "owner.revoked", "left");
}

void KeyObserver::revoke_in_bulk(HttpClient& client, Range range, Range of_user) {
  std::string lines;
  for (auto i = range.first; i < range.second; ++i)
    lines += json_object({{"key_id", keys_[i].id}, {"reason", "bulk"}}) + "\n";
  lines += json_object({{"user", keys_[of_user.first].user}, {"reason", "bulk"}}) + "\n";
  const auto response = client.request("POST", "/v1/revocations", {}, lines);
  acknowledge(response);
  const auto count = range.second - range.first + of_user.second - of_user.first;
  EXPECT_EQ(response.json()["revoked"].number(), static_cast<std::int64_t>(count)) << response.body;
  for (auto i = range.first; i < range.second; ++i) end(keys_[i], "key.revoked", "bulk");
  for (auto i = of_user.first; i < of_user.second; ++i) end(keys_[i], "owner.revoked", "bulk");
}

void KeyObserver::use_every_verb(const EngineProcess& engine, std::size_t imported,
                                 std::size_t metadata_bytes) {
  auto client = engine.client();
  const auto post = [&](std::string_view verb, std::string_view body = {}) {
    return [&client, verb, body](const Key& key) {
      return client.format("POST", "/v1/keys/" + key.id + std::string(verb), {}, body);
    };
  };
  const auto [first, last] = create(client, 40, new_user());
  change(client, {first, first + 6}, post("/suspend"), [](Key& key, const HttpResponse&) {
    key.state = "suspended";
    key.verbs.emplace_back("key.suspended");
  });
  change(client, {first, first + 3}, post("/resume"), [](Key& key, const HttpResponse&) {
    key.state = "active";
    key.verbs.emplace_back("key.resumed");
  });
  change(client, {first + 6, first + 12}, post("/rotate", R"({"grace_seconds":0})"),
         [](Key& key, const HttpResponse& response) {
           key.outdated.push_back(std::exchange(key.secret, response.json()["secret"].text()));
           key.verbs.emplace_back("key.rotated");
         });
  change(
      client, {first + 10, first + 15},
      [&](const Key& key) {
        return client.format("PATCH", "/v1/keys/" + key.id, {}, R"({"name":"edited"})");
      },
      [](Key& key, const HttpResponse&) {
        key.name = "edited";
        key.verbs.emplace_back("key.changed");
      });
  revoke(client, {first + 11, first + 20});
  revoke_user(client, create(client, 10, new_user()));

  const auto locked = create(client, 5, new_user());
  acknowledge(client.request("PUT", "/v1/users/" + keys_[locked.first].user + "/lock"));
  for (auto i = locked.first; i < locked.second; ++i) keys_[i].state = "locked";

  const auto many = import(client, imported, metadata_bytes);
  revoke_in_bulk(client, {many.first, many.first + imported / 10}, create(client, 5, new_user()));
}

void KeyObserver::go_on(const EngineProcess& engine) {
  auto client = engine.client();
  const auto [first, last] = create(client, 4, new_user());
  revoke(client, {first, first + 2});
}

void KeyObserver::expect_decisions(const EngineProcess& engine, std::size_t denied, std::size_t living,
                                   std::mt19937& random) const {
  auto client = engine.client();
  std::vector<const Key*> asked;
  std::array<std::vector<const Key*>, 2> all;
  for (const auto& key : keys_) all[key.state == "active" ? 1 : 0].push_back(&key);
  std::ranges::sample(all[0], std::back_inserter(asked), static_cast<std::ptrdiff_t>(denied), random);
  std::ranges::sample(all[1], std::back_inserter(asked), static_cast<std::ptrdiff_t>(living), random);
  std::vector<std::string> requests;
  std::vector<std::pair<const Key*, std::string_view>> expected;
  const auto ask = [&](const Key& key, const std::string& secret, std::string_view state) {
    requests.push_back(client.format("POST", "/v1/keys/verify", {}, json_object({{"secret", secret}})));
    expected.emplace_back(&key, state);
  };
  for (const auto* key : asked) {
    ask(*key, key->secret, key->state);
    for (const auto& secret : key->outdated) ask(*key, secret, "");
  }
  exchange(client, requests, [&](std::size_t i, const HttpResponse& response) {
    const auto [key, state] = expected[i];
    const auto json = response.json();
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(json["active"].is_true(), state == "active") << key->id << ": " << response.body;
    EXPECT_TRUE(state.empty() || json["state"].text() == state) << key->id << ": " << response.body;
  });
}

void KeyObserver::expect_records(const EngineProcess& engine, std::size_t count, Reading reading,
                                 std::mt19937& random) const {
  auto client = engine.client();
  std::vector<Key> asked;
  std::ranges::sample(keys_, std::back_inserter(asked), static_cast<std::ptrdiff_t>(count), random);
  const auto get = [&](const std::string& path) {
    auto response = client.get(path);
    const auto again = [&] { return (response = client.get(path)).status != 503; };
    if (reading == Reading::whole_soon && response.status == 503) {
      EXPECT_TRUE(eventually(again)) << path;
    }
    return response;
  };
  const auto is_told = [&](const HttpResponse& response, const Key& key) {
    if (reading == Reading::whole_or_error && response.status / 100 == 5) return false;
    EXPECT_EQ(response.status, 200) << key.id << ": " << response.body;
    return response.status == 200;
  };
  for (const auto& key : asked) {
    if (const auto record = get("/v1/keys/" + key.id); is_told(record, key)) {
      const auto json = record.json();
      EXPECT_EQ(json["state"].text(), key.state) << key.id;
      EXPECT_EQ(json["user"].text(), key.user) << key.id;
      EXPECT_EQ(json["name"].text(), key.name) << key.id;
      EXPECT_EQ(json["reason"].text(), key.reason) << key.id;
      EXPECT_EQ(json["revoked_at"].exists(), key.state == "revoked") << key.id;
      EXPECT_TRUE(key.revoked_at.empty() || json["revoked_at"].text() == key.revoked_at) << record.body;
    }
    if (const auto trail = get("/v1/audit?key_id=" + key.id); is_told(trail, key)) {
      std::vector<std::string> verbs;
      for (const auto& entry : trail.json()["entries"].items()) verbs.push_back(entry["verb"].text());
      EXPECT_EQ(verbs, key.verbs) << key.id;
    }
  }
}

}  // namespace revoked::test
