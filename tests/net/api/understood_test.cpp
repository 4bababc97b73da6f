// P15: what a caller means is done or refused, never half of it.

#include <functional>

#include "tests/net/api/bulk_server.hpp"

namespace revoked::net::understood_test {

using namespace test;

struct TakingRoute {
  std::string method;
  std::string path;
  std::string body;                     // valid
  std::vector<std::string> parameters;  // name=value, valid
  std::vector<std::string> wrong;       // name=value, invalid
};

// Every native route. `k` is a key of user ann whose secret is "secret of k".
const std::vector<TakingRoute>& taking_routes() {
  static const std::string owner(257, 'a');
  static const std::vector<TakingRoute> all{
      {"DELETE", "/v1/keys/k", "", {"reason=leaked", "dry_run=true"}, {"dry_run=1", "dry_run=yes"}},
      {"POST",
       "/v1/keys/verify",
       R"({"secret":"secret of k"})",
       {"echo=secret_sha256", "at_least=1-1"},
       {"echo=secret", "at_least=1"}},
      {"POST", "/v1/keys/revoke", R"({"secret":"secret of k"})", {"dry_run=true"}, {"dry_run=True"}},
      {"POST", "/v1/keys/import", R"({"secret":"another secret"})", {}, {"dry_run=true"}},
      {"POST", "/v1/revocations", R"({"key_id":"k"})", {"dry_run=true"}, {"dry_run=1", "dry_run=TRUE"}},
      {"POST", "/v1/keys", R"({"name":"another"})", {}, {"dry_run=true"}},
      {"GET",
       "/v1/keys",
       "",
       {"user=ann", "application=a", "workspace=w", "state=active", "limit=10"},
       {"user=" + owner, "state=dead", "state=Active", "limit=0", "limit=1001", "limit=1e2", "cursor=x"}},
      {"GET", "/v1/keys/k", "", {}, {"limit=1"}},
      {"PATCH", "/v1/keys/k", R"({"name":"other"})", {}, {"dry_run=true", "name=x"}},
      {"POST", "/v1/keys/k/suspend", R"({"reason":"why"})", {}, {"dry_run=true"}},
      {"POST", "/v1/keys/k/resume", "", {}, {"dry_run=true"}},
      {"POST", "/v1/keys/k/rotate", R"({"grace_seconds":60})", {}, {"grace_seconds=60"}},
      {"DELETE", "/v1/users/ann/keys", "", {"reason=left", "dry_run=true"}, {"dry_run=on"}},
      {"DELETE", "/v1/applications/a/keys", "", {"reason=left", "dry_run=true"}, {"dry_run=on"}},
      {"DELETE", "/v1/workspaces/w/keys", "", {"reason=left", "dry_run=true"}, {"dry_run=on"}},
      {"PUT", "/v1/users/bob/lock", "", {"reason=why"}, {"dry_run=true", "expires_at=2099-01-01T00:00:00Z"}},
      {"DELETE", "/v1/users/bob/lock", "", {"reason=why"}, {"dry_run=true"}},
      {"PUT", "/v1/applications/b/lock", "", {"reason=why"}, {"dry_run=true"}},
      {"DELETE", "/v1/applications/b/lock", "", {"reason=why"}, {"dry_run=true"}},
      {"PUT", "/v1/workspaces/b/lock", "", {"reason=why"}, {"dry_run=true"}},
      {"DELETE", "/v1/workspaces/b/lock", "", {"reason=why"}, {"dry_run=true"}},
      {"GET",
       "/v1/audit",
       "",
       {"key_id=k", "actor=master", "user=ann", "limit=5"},
       {"key_id=a%2Fb", "actor=%00", "user=..", "after=7", "limit=-1"}},
      {"GET", "/v1/invalidations", "", {"limit=5"}, {"after=now", "journal=UPPER", "limit=10001"}},
      {"GET", "/v1/backup", "", {}, {"after=1-1"}},
      {"GET", "/v1/checkpoint", "", {}, {"after=1-1"}},
      {"GET", "/livez", "", {}, {"verbose=1"}},
      {"GET", "/readyz", "", {}, {"verbose=1"}},
      {"GET", "/healthz", "", {}, {"verbose=1"}},
      {"GET", "/metrics", "", {}, {"verbose=1"}},
  };
  return all;
}

class Understood : public testing::Test {
 protected:
  Understood() {
    const auto line = import_line("k", R"(,"user":"ann","application":"a","workspace":"w")");
    EXPECT_EQ(admin_.request("POST", "/v1/keys/import", {}, line).status, 200);
  }
  HttpResponse post(const std::string& path, const std::string& body, const Headers& headers = {}) {
    return admin_.request("POST", path, headers, body);
  }
  std::string state() {
    return post("/v1/keys/verify", R"({"secret":"secret of k"})").json()["state"].text();
  }
  void expect_nothing_changed(const std::function<HttpResponse()>& ask, int status,
                              const std::string& about) {
    const auto before = server_.engine().applied();
    const auto answer = ask();
    EXPECT_EQ(answer.status, status) << about << ": " << answer.body;
    EXPECT_EQ(server_.engine().applied(), before) << about;
  }

  ApiServer server_;
  HttpClient admin_ = server_.client();
};

TEST_F(Understood, QueryParametersOfEveryRoute) {
  for (const auto& route : taking_routes()) {
    const auto expect_refused = [&](const std::string& query, const std::string& wrong_name) {
      const auto about = route.method + " " + route.path + "?" + query;
      expect_nothing_changed(
          [&] {
            auto answer = admin_.request(route.method, route.path + "?" + query, {}, route.body);
            EXPECT_EQ(answer.json()["code"].text(),
                      query.starts_with("cursor") ? "invalid_cursor" : "invalid_parameter")
                << about;
            if (!query.starts_with("cursor")) {
              EXPECT_EQ(answer.json()["parameter"].text(), wrong_name) << about;
            }
            return answer;
          },
          400, about);
    };
    expect_refused("unknown=1", "unknown");
    for (const auto& wrong : route.wrong) expect_refused(wrong, wrong.substr(0, wrong.find('=')));
    for (const auto& good : route.parameters) {
      const auto name = good.substr(0, good.find('='));
      auto upper = good;
      upper[0] = static_cast<char>(upper[0] - 'a' + 'A');
      expect_refused(good + "&" + good, name);
      expect_refused(upper, upper.substr(0, name.size()));
      expect_refused(name + "=", name);
      expect_refused(name, name);
    }
  }
  for (const auto& route : taking_routes()) {
    for (const auto& good : route.parameters) {
      if (route.method == "DELETE" && !good.starts_with("dry_run")) continue;
      const auto answer = admin_.request(route.method, route.path + "?" + good, {}, route.body);
      EXPECT_EQ(answer.status, 200) << route.path << "?" << good << ": " << answer.body;
    }
  }
  EXPECT_EQ(state(), "active");
}

struct TakingBody {
  std::string method;
  std::string path;
  std::string member;              // valid, as `"name":value`
  std::vector<std::string> wrong;  // `"name":value`, of another type or an invalid value
};

std::vector<TakingBody> bodies_of_routes() {
  const std::string long_text(257, 'a');
  return {
      {"POST",
       "/v1/keys",
       R"("user":"ann")",
       {R"("user":1)", R"("user":"")", R"("user":"..")", R"("user":"\u0001")"}},
      {"POST", "/v1/keys", R"("workspace":"w")", {R"("workspace":["w"])"}},
      {"POST", "/v1/keys", R"("key_id":"x")", {R"("key_id":"a/b")", R"("key_id":"ü")", R"("key_id":".")"}},
      {"POST", "/v1/keys", R"("name":"n")", {R"("name":")" + long_text + R"(")", R"("name":true)"}},
      {"POST",
       "/v1/keys",
       R"("metadata":{"a":1})",
       {R"("metadata":"a")", R"("metadata":{"a":{"b":1,"b":2}})"}},
      {"POST", "/v1/keys", R"("permissions":["p"])", {R"("permissions":"p")", R"("permissions":["a b"])"}},
      {"POST",
       "/v1/keys",
       R"("expires_at":"2099-01-01T00:00:00Z")",
       {R"("expires_at":4070908800)", R"("expires_at":"1970-01-01T00:00:00Z")",
        R"("expires_at":"tomorrow")"}},
      {"POST",
       "/v1/keys",
       R"("secret":"eight888")",
       {R"("secret":"seven77")", R"("secret":" blank before")", R"("secret":"blank behind\n")",
        R"("secret":"with\u0000control")", R"("secret":")" + std::string(4097, 's') + R"(")"}},
      {"POST", "/v1/keys", R"("secret_sha256":")" + hex_of("s") + R"(")", {R"("secret_sha256":"abc")"}},
      {"POST", "/v1/keys/verify", R"("secret":"secret of k")", {R"("secret":"short")", R"("secret":7)"}},
      {"POST",
       "/v1/keys/revoke",
       R"("secret":"not there, this one")",
       {R"("secret":"short")", R"("secret":[])"}},
      {"POST",
       "/v1/keys/revoke",
       R"("secrets":["not there, this one"])",
       {R"("secrets":"a")", R"("secrets":[1])"}},
      {"POST", "/v1/keys/revoke", R"("secret_sha256":")" + hex_of("s") + R"(")", {R"("secret_sha256":"0x")"}},
      {"PATCH", "/v1/keys/k", R"("name":"n")", {R"("name":7)", R"("user":"ann")"}},
      {"PATCH", "/v1/keys/k", R"("expires_at":"2099-01-01T00:00:00Z")", {R"("expires_at":4070908800)"}},
      {"PUT", "/v1/users/u/lock", R"("reason":"why")", {R"("reason":3)"}},
      {"PUT",
       "/v1/workspaces/w2/lock",
       R"("expires_at":"2099-01-01T00:00:00Z")",
       {R"("expires_at":"2020-01-01T00:00:00Z")", R"("expires_at":true)"}},
      {"DELETE", "/v1/users/u/lock", R"("reason":"why")", {R"("reason":3)"}},
      {"POST",
       "/v1/keys/k/suspend",
       R"("reason":"why")",
       {R"("reason":3)", R"("reason":")" + long_text + R"(")"}},
      {"POST", "/v1/keys/k/resume", R"("reason":"why")", {R"("reason":3)"}},
      {"POST",
       "/v1/keys/k/rotate",
       R"("grace_seconds":60)",
       {R"("grace_seconds":"60")", R"("grace_seconds":-1)", R"("grace_seconds":1.5)",
        R"("grace_seconds":2592001)", R"("grace_seconds":18446744073709551615)"}},
  };
}

TEST_F(Understood, MembersOfEveryRoute) {
  for (const auto& [method, path, member, wrong] : bodies_of_routes()) {
    const auto expect_refused = [&, &method = method, &path = path](const std::string& members,
                                                                    const std::string& wrong_name) {
      const auto about = path + " {" + members + "}";
      expect_nothing_changed(
          [&] {
            auto answer = admin_.request(method, path, {}, "{" + members + "}");
            EXPECT_EQ(answer.json()["code"].text(), "invalid_field") << about;
            EXPECT_EQ(answer.json()["member"].text(), wrong_name) << about;
            EXPECT_NE(answer.json()["detail"].text().find(wrong_name), std::string::npos) << answer.body;
            return answer;
          },
          400, about);
    };
    const auto name_of = [](const std::string& text) { return text.substr(1, text.find('"', 1) - 1); };
    const auto name = name_of(member);
    expect_refused(member + ",\"unknown\":1", "unknown");
    expect_refused(member + "," + member, name);
    auto upper = member;
    upper[1] = static_cast<char>(upper[1] - 'a' + 'A');
    expect_refused(upper, name_of(upper));
    for (const auto& each : wrong) expect_refused(each, name_of(each));
  }
}

TEST_F(Understood, BodiesThatAreNone) {
  for (const auto* const path : {"/v1/keys", "/v1/keys/verify", "/v1/keys/revoke"}) {
    for (const std::string body : {"", " ", "null", "[]", "\"secret\"", "{", "{}{}", "{\"a\":1e999}"}) {
      expect_nothing_changed(
          [&] {
            auto answer = post(path, body);
            EXPECT_EQ(answer.json()["code"].text(), "malformed") << path << body;
            return answer;
          },
          400, path + body);
    }
  }
  const auto nothing = post("/v1/keys/verify", "{}");
  EXPECT_EQ(nothing.json()["code"].text(), "invalid_field");
  EXPECT_EQ(nothing.json()["member"].text(), "secret");
  EXPECT_EQ(post("/v1/keys/revoke", "{}").status, 400);
  EXPECT_EQ(post("/v1/keys", "{}").status, 201);
}

TEST_F(Understood, AByteOrderMarkIsPassedOver) {
  const std::string bom = "\xef\xbb\xbf";
  EXPECT_EQ(post("/v1/keys/verify", bom + R"({"secret":"secret of k"})").json()["state"].text(), "active");
  const auto lines = bom + "{\"key_id\":\"k\"}\r\n{\"key_id\":\"absent\"}\r\n";
  const auto answer = post("/v1/revocations", lines);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["revoked"].number(), 1);
  EXPECT_EQ(answer.json()["failed_count"].number(), 0);
  EXPECT_EQ(state(), "revoked");
  EXPECT_EQ(post("/v1/keys/import", bom + import_line("k2")).json()["created"].number(), 1);
}

TEST_F(Understood, Utf16IsRefusedWhole) {
  const std::string line = "{\"key_id\":\"k\"}\n";
  std::string little;
  for (const char c : line) little.append({c, '\0'});
  for (const auto& body : {"\xff\xfe" + little, little, "\xfe\xff" + std::string("\0{", 2)}) {
    expect_nothing_changed([&] { return post("/v1/revocations", body); }, 400, "UTF-16");
    admin_.close();
  }
  EXPECT_EQ(state(), "active");
}

TEST_F(Understood, SecretsAsPeopleReportThem) {
  for (const std::string around : {"%\\n", "%\\r\\n", " %", "\\t% ", "\\\"%\\\"", "'%'", "`%`", "\\ufeff%",
                                   "\\u00a0%", " \\\" %\\\" \\n"}) {
    auto reported = around;
    reported.replace(reported.find('%'), 1, "secret of k");
    const auto single = post("/v1/keys/revoke?dry_run=true", "{\"secret\":\"" + reported + "\"}");
    EXPECT_TRUE(single.json()["results"][0]["would_revoke"].is_true()) << reported << single.body;
    const auto bulk = post("/v1/revocations?dry_run=true", "{\"secret\":\"" + reported + "\"}");
    EXPECT_EQ(bulk.json()["revoked"].number(), 1) << reported << bulk.body;
  }
  EXPECT_EQ(post("/v1/keys/revoke", R"({"secret":"secret of k\n"})").json()["results"][0]["state"].text(),
            "revoked");
  EXPECT_EQ(state(), "revoked");
}

// P12: a secret in the wrong place appears neither in the error nor in a log.
TEST_F(Understood, NoErrorShowsWhatMayBeASecret) {
  const auto secret = engine::new_secret("rvk");
  const std::string members[] = {"{\"" + secret + "\":1}", R"({"key_id":"/)" + secret + "\"}",
                                 R"({"secret":")" + secret + R"(\u0001"})", "{\"secret\":\"" + secret};
  for (const auto& body : members) {
    for (const auto* const path :
         {"/v1/keys", "/v1/keys/verify", "/v1/keys/revoke", "/v1/keys/import", "/v1/revocations"}) {
      const auto answer = post(path, body);
      EXPECT_EQ(answer.status, 400) << path << body;
      EXPECT_EQ(answer.body.find(secret), std::string::npos) << path << answer.body;
    }
  }
  EXPECT_EQ(admin_.get("/v1/keys?" + secret + "=1").body.find(secret), std::string::npos);
}

TEST_F(Understood, DryRunsChangeNothing) {
  const auto dry = [&](const std::string& method, const std::string& path, const std::string& body = "") {
    const auto before = server_.engine().applied();
    const auto answer = admin_.request(method, path + "?dry_run=true", {}, body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(answer.json()["dry_run"].is_true()) << answer.body;
    EXPECT_EQ(server_.engine().applied(), before) << path;
    return answer.json();
  };
  EXPECT_TRUE(dry("DELETE", "/v1/keys/k")["would_revoke"].is_true());
  EXPECT_EQ(dry("DELETE", "/v1/users/ann/keys")["revoked"].number(), 1);
  EXPECT_EQ(dry("DELETE", "/v1/applications/a/keys")["revoked"].number(), 1);
  EXPECT_EQ(dry("DELETE", "/v1/workspaces/w/keys")["revoked"].number(), 1);
  EXPECT_EQ(dry("DELETE", "/v1/workspaces/other/keys")["revoked"].number(), 0);
  const auto several =
      dry("POST", "/v1/keys/revoke", R"({"secrets":["secret of k","secret of nobody"]})")["results"];
  EXPECT_EQ(several[0]["key_id"].text(), "k");
  EXPECT_TRUE(several[0]["would_revoke"].is_true());
  EXPECT_EQ(several[1]["state"].text(), "unknown");
  EXPECT_EQ(dry("POST", "/v1/revocations", R"({"key_id":"k"})")["revoked"].number(), 1);
  EXPECT_EQ(state(), "active");
  EXPECT_EQ(admin_.request("DELETE", "/v1/keys/absent?dry_run=true").status, 404);
  ASSERT_EQ(admin_.request("DELETE", "/v1/keys/k?dry_run=false").status, 200);
  const auto again = dry("DELETE", "/v1/keys/k");
  EXPECT_EQ(again["state"].text(), "revoked");
  EXPECT_FALSE(again["would_revoke"].is_true());
}

TEST_F(Understood, ContentThatIsNotTaken) {
  for (const auto& [path, body] : std::vector<std::pair<std::string, std::string>>{
           {"/v1/keys", "{}"},
           {"/v1/keys/verify", R"({"secret":"secret of k"})"},
           {"/v1/keys/revoke", R"({"secret":"secret of k"})"},
           {"/v1/keys/k/suspend", R"({"reason":"why"})"},
           {"/v1/revocations", R"({"key_id":"k"})"},
           {"/v1/keys/import", R"({"secret":"another secret"})"}}) {
    for (const auto& header : std::vector<std::pair<std::string, std::string>>{
             {"Content-Encoding", "gzip"},
             {"Content-Encoding", "identity, br"},
             {"Content-Type", "text/csv"},
             {"Content-Type", "multipart/form-data; boundary=x"},
             {"Content-Type", "application/json; charset=utf-16"}}) {
      expect_nothing_changed([&, &path = path, &body = body] { return post(path, body, {header}); }, 415,
                             path + " " + header.second);
      admin_.close();
    }
    for (const auto* const type :
         {"application/json", "Application/JSON; charset=UTF-8", "application/x-ndjson", "application/jsonl",
          "application/problem+json", "text/plain", "application/x-www-form-urlencoded"}) {
      if (path != "/v1/keys/verify") continue;
      EXPECT_EQ(post(path, body, {{"Content-Type", type}, {"Content-Encoding", "identity"}}).status, 200)
          << type;
    }
  }
  EXPECT_EQ(admin_.request("GET", "/v1/keys/k", {{"Content-Type", "text/csv"}}).status, 200)
      << "the type does not matter without a body";
}

TEST_F(Understood, ABodyInWhichNoLineIsUnderstood) {
  const std::string report =
      "[\n  {\n    \"RuleID\": \"generic\",\n    \"Secret\": \"secret of k\"\n  }\n]\n";
  for (const auto* const path : {"/v1/revocations", "/v1/keys/import"}) {
    const auto answer = post(path, report);
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_EQ(answer.json()["code"].text(), "malformed");
    EXPECT_NE(answer.json()["detail"].text().find("JSON array"), std::string::npos) << answer.body;
    EXPECT_EQ(answer.json()["failed"].size(), 6u) << answer.body;
    const auto csv = post(path, "key_id,reason\nk,leaked\n");
    EXPECT_EQ(csv.status, 400) << csv.body;
    EXPECT_NE(csv.json()["detail"].text().find("per line, such as {"), std::string::npos) << csv.body;
  }
  EXPECT_EQ(state(), "active");
  EXPECT_EQ(post("/v1/revocations", "\n\n").status, 200) << "there were no lines";
  const auto one_good = post("/v1/revocations", "rubbish\n{\"key_id\":\"k\"}\n");
  EXPECT_EQ(one_good.status, 200);
  EXPECT_EQ(one_good.json()["failed"][0]["code"].text(), "malformed");
  EXPECT_EQ(post("/v1/keys/import", import_line("k")).status, 200) << "valid, and refused individually";
}

TEST_F(Understood, LinesSayWhatIsWrongWithThem) {
  const auto answer =
      post("/v1/keys/import", import_line("good") + import_line("a", R"(,"expires_at":1700000000)") +
                                  import_line("b", R"(,"expires_at":"1970-01-01T00:00:00Z")") +
                                  import_line("c", R"(,"user":"")") + import_line("d", R"(,"colour":"red")"));
  ASSERT_EQ(answer.json()["failed"].size(), 4u) << answer.body;
  const std::pair<const char*, const char*> expected[] = {{"expires_at", "is a number"},
                                                          {"expires_at", "after 1970"},
                                                          {"user", "1 to 256 bytes"},
                                                          {"colour", "allowed are user, application"}};
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    const auto failed = answer.json()["failed"][i];
    EXPECT_EQ(failed["line"].number(), static_cast<std::int64_t>(i + 2));
    EXPECT_EQ(failed["code"].text(), "invalid_field");
    EXPECT_EQ(failed["member"].text(), expected[i].first);
    EXPECT_NE(failed["detail"].text().find(expected[i].second), std::string::npos) << answer.body;
  }
  const auto bulk = post("/v1/revocations",
                         "{\"key_id\":\"absent\"}\n{\"key_id\":\"a/b\"}\n"
                         "{\"user\":\"u\",\"workspace\":\"w\"}\n{\"secret\":\"short\"}\n"
                         "{\"reason\":\"why\"}\n{\"user\":\"u\",\"user\":\"u\"}\n");
  ASSERT_EQ(bulk.json()["failed"].size(), 5u) << bulk.body;
  const auto failures = bulk.json()["failed"];
  for (const auto& failed : failures.items()) {
    EXPECT_EQ(failed["code"].text(), "invalid_field");
    EXPECT_NE(failed["detail"].text(), "");
  }
}

}  // namespace revoked::net::understood_test
