// What one route accepts, every other can use: ids and secrets over their whole alphabets.

#include <random>
#include <set>

#include "cache/edge/near_cache.hpp"
#include "engine/base/percent.hpp"
#include "engine/model/json_writer.hpp"
#include "net/http/request.hpp"
#include "tests/net/api/bulk_server.hpp"

namespace revoked::net::alphabet_test {

using namespace test;

class Alphabets {
 public:
  explicit Alphabets(std::uint32_t seed) : random_(seed) {}

  std::string key_id() {
    constexpr std::string_view out = "/?#%\\\"";
    std::string id;
    const auto size = 1 + below(engine::max_key_id_size);
    while (id.size() < size) {
      const auto c = static_cast<char>(0x21 + below(0x7f - 0x21));
      if (out.find(c) == std::string_view::npos) id.push_back(c);
    }
    return engine::is_key_id(id) && is_new(id) ? id : key_id();
  }
  std::string owner_id() {
    const auto id = text(1, engine::max_owner_id_size, engine::is_owner_id);
    return is_new(id) ? id : owner_id();
  }
  // Often in quotes that belong to the secret.
  std::string secret() {
    const std::string quote(1, "\"'`x"[below(4)]);
    return quote + text(engine::min_secret_size, 400, engine::is_secret) + quote;
  }

 private:
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }
  std::string text(std::size_t least, std::size_t most, bool (*is_good)(std::string_view)) {
    static constexpr std::string_view wide[] = {"ë", "é", "名", "\u2028", "\u202e", "😀", "\u0301", "ß"};
    std::string text;
    const auto size = least + below(most - least + 1);
    while (text.size() < size) {
      const auto kind = below(4);
      const auto piece = kind == 0 ? wide[below(std::size(wide))] : std::string_view();
      if (text.size() + piece.size() > most) break;
      if (piece.empty())
        text.push_back(static_cast<char>(0x20 + below(0x7f - 0x20)));
      else
        text.append(piece);
    }
    return is_good(text) ? text : this->text(least, most, is_good);
  }

  // An id of a single character may have been generated before.
  bool is_new(const std::string& id) { return drawn_.insert(id).second; }

  std::mt19937 random_;
  std::set<std::string> drawn_;
};

struct Named {
  std::string key_id, user, application, workspace, secret;

  std::string json() const {
    std::string out;
    engine::JsonWriter(out)
        .open('{')
        .field("key_id", std::string_view(key_id))
        .field("user", std::string_view(user))
        .field("application", std::string_view(application))
        .field("workspace", std::string_view(workspace))
        .field("secret", std::string_view(secret))
        .close('}');
    return out;
  }
};

std::string json_member(std::string_view name, std::string_view text) {
  std::string out;
  engine::JsonWriter(out).open('{').field(name, text).close('}');
  return out;
}

std::string encoded(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    out.append({'%', digits[c >> 4], digits[c & 15]});
  }
  return out;
}

class EveryDoor : public testing::Test {
 protected:
  Json verify(const Named& named) {
    const auto answer = admin_.request("POST", "/v1/keys/verify", {}, json_member("secret", named.secret));
    EXPECT_EQ(answer.status, 200) << answer.body;
    expect_cacheable(answer.body, named);
    return answer.json();
  }
  // What a gateway parses, caches and answers with.
  void expect_cacheable(const std::string& body, const Named& named) {
    const auto decision = cache::decode_decision(body);
    ASSERT_TRUE(decision) << body;
    if (decision->state != cache::Decision::State::active) return;
    cache::NearCache cache({.max_entries = 4, .max_marks = 16});
    cache.flush(decision->as_of);
    const auto digest = engine::sha256(named.secret);
    ASSERT_TRUE(cache.fill(digest, *decision)) << body;
    cache::IdBuffer buffer;
    const auto found = cache.find(digest, 0);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->key_id(buffer), named.key_id);
    EXPECT_EQ(found->owner(engine::Scope::user, buffer), named.user);
    EXPECT_EQ(found->owner(engine::Scope::workspace, buffer), named.workspace);
    for (const auto& owner : {named.user, named.application, named.workspace}) {
      std::string header;
      engine::percent_encode(owner, header);
      std::string back;
      EXPECT_TRUE(engine::percent_decode(header, back));
      EXPECT_EQ(back, owner);
    }
  }
  // The events that gateways receive, each of them readable.
  std::size_t readable_events() {
    const auto page = admin_.get("/v1/invalidations?limit=10000&after=1-0");
    const auto read = cache::decode_page(page.body);
    EXPECT_TRUE(read) << page.body;
    std::size_t known = 0;
    for (const auto& message : read ? read->messages : std::vector<cache::Message>()) {
      for (const auto& event : message.events) known += event.type != cache::Invalidation::Type::unknown;
    }
    return known;
  }
  void expect_found(const Named& named) {
    const auto shown = admin_.get("/v1/keys/" + encoded(named.key_id));
    EXPECT_EQ(shown.json()["key_id"].text(), named.key_id) << shown.body;
    EXPECT_EQ(shown.json()["user"].text(), named.user);
    for (const auto& [scope, id] :
         {std::pair("user", named.user), std::pair("application", named.application),
          std::pair("workspace", named.workspace)}) {
      const auto listed = admin_.get(std::string("/v1/keys?") + scope + "=" + encoded(id));
      ASSERT_EQ(listed.json()["keys"].size(), 1u) << id << listed.body;
      EXPECT_EQ(listed.json()["keys"][0]["key_id"].text(), named.key_id);
    }
    for (const auto& filter : {"user=" + encoded(named.user), "key_id=" + encoded(named.key_id)}) {
      const auto trail = admin_.get("/v1/audit?" + filter);
      ASSERT_GE(trail.json()["entries"].size(), 1u) << filter << trail.body;
      EXPECT_EQ(trail.json()["entries"][0]["key_id"].text(), named.key_id);
    }
  }

  ApiServer server_;
  HttpClient admin_ = server_.client();
};

TEST_F(EveryDoor, TakesWhatAnyOtherTakes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Alphabets draw(seed);
  std::size_t events = 0;
  for (int i = 0; i < 120; ++i) {
    const Named named{draw.key_id(), draw.owner_id(), draw.owner_id(), draw.owner_id(), draw.secret()};
    SCOPED_TRACE(named.json());
    const bool imports = i % 2 == 0;
    const auto made = admin_.request("POST", imports ? "/v1/keys/import" : "/v1/keys", {}, named.json());
    ASSERT_EQ(made.status, imports ? 200 : 201) << made.body;
    ASSERT_EQ(verify(named)["state"].text(), "active");
    EXPECT_EQ(verify(named)["key_id"].text(), named.key_id);
    expect_found(named);
    const auto end = [&](const std::string& method, const std::string& path, const std::string& body = "") {
      const auto answer = admin_.request(method, path, {}, body);
      EXPECT_EQ(answer.status, 200) << answer.body;
    };
    switch (i % 7) {
      case 0:
        end("DELETE", "/v1/keys/" + encoded(named.key_id));
        break;
      case 1:
        end("POST", "/v1/keys/revoke", json_member("secret", named.secret));
        break;
      case 2:
        end("DELETE", "/v1/users/" + encoded(named.user) + "/keys");
        break;
      case 3:
        end("DELETE", "/v1/workspaces/" + encoded(named.workspace) + "/keys");
        break;
      case 4:
        end("POST", "/v1/revocations", json_member("key_id", named.key_id));
        break;
      case 5:
        end("POST", "/v1/revocations", json_member("secret", " '" + named.secret + "'\n"));
        break;
      default:
        end("POST", "/v1/revocations", json_member("application", named.application));
    }
    EXPECT_EQ(verify(named)["state"].text(), "revoked");
    EXPECT_EQ(readable_events(), ++events);
  }
}

}  // namespace revoked::net::alphabet_test
