#include "net/auth/jwt_claims.hpp"

#include <gtest/gtest.h>

#include "tests/net/auth/jwt_harness.hpp"

namespace revoked::net::jwt_claims_test {

using engine::Scope;

class ClaimsTest : public testing::Test {
 protected:
  // Why the payload is refused; "accepted" if it is not.
  std::string fate_of_text(const std::string& text, engine::UnixMs now = now_ms) {
    const auto fault = read_claims(text, rules_, now, claims_);
    return fault.empty() ? "accepted" : std::string(fault);
  }
  std::string fate(const std::map<std::string, std::string>& changes, engine::UnixMs now = now_ms) {
    return fate_of_text(payload(changes), now);
  }
  const auto& limit(Scope scope) const { return claims_.limits[static_cast<std::size_t>(scope)]; }

  ClaimRules rules_{.issuer = "https://id.example", .audience = "revoked"};
  Claims claims_;
};

TEST_F(ClaimsTest, EndWithExp) {
  EXPECT_EQ(fate({}, now_ms + 599'999), "accepted");
  EXPECT_EQ(fate({}, now_ms + 600'000), "expired");
  rules_.leeway_s = 30;
  EXPECT_EQ(fate({}, now_ms + 629'999), "accepted");
  EXPECT_EQ(claims_.expires_at, now_ms + 600'000);
  EXPECT_EQ(fate({}, now_ms + 630'000), "expired");
  rules_.leeway_s = 1'000'000;  // never more than a minute, whatever is configured
  EXPECT_EQ(fate({}, now_ms + 660'000), "expired");
  rules_.leeway_s = -1'000'000;
  EXPECT_EQ(fate({}, now_ms + 599'999), "accepted");
}

TEST_F(ClaimsTest, BeginWithNbfAndIat) {
  for (const auto* name : {"nbf", "iat"}) {
    const std::map<std::string, std::string> later{{name, std::to_string(now_s + 20)}};
    rules_.leeway_s = 0;
    EXPECT_EQ(fate(later), "not yet valid");
    EXPECT_EQ(fate(later, now_ms + 20'000), "accepted");
    rules_.leeway_s = 20;
    EXPECT_EQ(fate(later), "accepted");
    EXPECT_EQ(fate(later, now_ms - 1), "not yet valid");
  }
}

TEST_F(ClaimsTest, NeedAnExpThatIsATime) {
  EXPECT_EQ(fate({{"exp", ""}}), "exp is missing");
  for (const auto* exp : {"null", "true", R"("1800000600")", "1800000600.5", "1800000600.0", "1.8e10", "-1",
                          "-1800000600", "253402300800", "9223372036854775807", "9223372036854775808",
                          "18446744073709551615", "-9223372036854775808", "1e308", "[1800000600]", "{}"}) {
    EXPECT_EQ(fate({{"exp", exp}}), "exp is not a time") << exp;
  }
  for (const auto* exp :
       {"99999999999999999999999", "1e400", "NaN", "Infinity", "01800000600", "+1800000600", "0x7fffffff"}) {
    EXPECT_NE(fate({{"exp", exp}}), "accepted") << exp;
  }
  EXPECT_EQ(fate({{"exp", "0"}}), "expired");
  EXPECT_EQ(fate({{"exp", "253402300799"}}), "accepted");
  for (const auto* name : {"nbf", "iat"}) {
    for (const auto* value : {"null", R"("0")", "0.5", "-1", "253402300800", "[]"}) {
      EXPECT_EQ(fate({{name, value}}), "nbf or iat is not a time") << value;
    }
  }
}

TEST_F(ClaimsTest, AreOfTheIssuer) {
  for (const auto* iss :
       {"", "null", R"("")", R"("https://id.example/")", R"("HTTPS://id.example")", R"("https://id.exampl")",
        R"(["https://id.example"])", R"("https://id.example\u0000")"}) {
    EXPECT_EQ(fate({{"iss", iss}}), "another issuer") << iss;
  }
  rules_.issuer.clear();
  EXPECT_EQ(fate({{"iss", ""}}), "accepted");
}

TEST_F(ClaimsTest, AreForTheAudience) {
  for (const auto* aud : {R"(["revoked"])", R"(["other","revoked"])", R"(["revoked","revoked"])"}) {
    EXPECT_EQ(fate({{"aud", aud}}), "accepted") << aud;
  }
  for (const auto* aud :
       {"", "null", "1", R"("")", R"("other")", R"("revoked2")", R"("revoked ")", R"("Revoked")", "[]",
        R"(["other"])", R"(["revoked",1])", R"([["revoked"]])", R"({"revoked":1})", R"("other revoked")"}) {
    EXPECT_EQ(fate({{"aud", aud}}), "another audience") << aud;
  }
}

TEST_F(ClaimsTest, NameTheirBearer) {
  EXPECT_EQ(fate({{"sub", R"("auth0|5f7c8ec7c33c6c004bbafe82")"}}), "accepted");
  EXPECT_EQ(claims_.actor, "auth0|5f7c8ec7c33c6c004bbafe82");
  EXPECT_EQ(fate({{"sub", R"("J\u00fcrgen")"}}), "accepted");
  EXPECT_EQ(claims_.actor, "J\xc3\xbcrgen");
  EXPECT_EQ(fate({{"sub", "\"" + std::string(256, 'a') + "\""}}), "accepted");
  EXPECT_EQ(fate({{"sub", ""}}), "sub is missing");
  for (const std::string sub :
       {"null", "1", R"("")", R"(["alice"])", R"("a\nb")", R"("a\u0000b")", R"("\u007f")", R"("master")"}) {
    EXPECT_EQ(fate({{"sub", sub}}), "sub is not a name") << sub;
  }
  EXPECT_EQ(fate({{"sub", "\"" + std::string(257, 'a') + "\""}}), "sub is not a name");
}

TEST_F(ClaimsTest, ComeOnceEachInOneObject) {
  const std::string fault = "payload is not one JSON object, or a claim comes twice";
  const auto good = payload();
  const auto open = good.substr(0, good.size() - 1);
  ASSERT_EQ(fate_of_text(good), "accepted");
  for (const auto* again : {R"(,"exp":1900000000})", R"(,"\u0065xp":1900000000})", R"(,"sub":"mallory"})",
                            R"(,"scope":"a","scope":"gateway"})", R"(,"aud":"revoked"})"}) {
    EXPECT_EQ(fate_of_text(open + again), fault) << again;
  }
  for (const std::string& text : {std::string(), std::string("null"), std::string("[]"), "[" + good + "]",
                                  good + good, good + "x", open, good + std::string(1, '\0')}) {
    EXPECT_EQ(fate_of_text(text), fault) << text;
  }
  for (const std::size_t depth : {17U, 1000U, 3000U}) {
    EXPECT_EQ(fate({{"x", std::string(depth, '[') + std::string(depth, ']')}}), fault);
    std::string objects;
    for (std::size_t i = 0; i < depth; ++i) objects += R"({"x":)";
    EXPECT_EQ(fate({{"x", objects + "1" + std::string(depth, '}')}}), fault);
    EXPECT_EQ(fate({{"x", std::string(depth, '[')}}), fault);
  }
  EXPECT_EQ(fate({{"act", R"({"sub":"other","scope":"gateway","exp":1})"}}), "accepted");
  EXPECT_EQ(claims_.actor, "alice");
  EXPECT_EQ(claims_.permissions, "");
}

TEST_F(ClaimsTest, GrantThePermissionsOfScopeOrPermissions) {
  EXPECT_EQ(fate({{"scope", R"("keys:revoke keys:read")"}}), "accepted");
  EXPECT_EQ(claims_.permissions, "keys:read keys:revoke");
  EXPECT_EQ(fate({{"scope", R"("  openid  keys:read keys:read ")"}}), "accepted");
  EXPECT_EQ(claims_.permissions, "keys:read openid");
  EXPECT_EQ(fate({{"permissions", R"(["keys:revoke","keys:read"])"}}), "accepted");
  EXPECT_EQ(claims_.permissions, "keys:read keys:revoke");
  EXPECT_EQ(fate({}), "accepted");
  EXPECT_EQ(claims_.permissions, "");
  EXPECT_EQ(fate({{"scope", R"("")"}, {"permissions", "[]"}}), "accepted");
  EXPECT_EQ(claims_.permissions, "");
}

TEST_F(ClaimsTest, GrantWhatBothNameWhereBothAreThere) {
  EXPECT_EQ(fate({{"scope", R"("openid keys:read")"}, {"permissions", R"(["keys:read","keys:revoke"])"}}),
            "accepted");
  EXPECT_EQ(claims_.permissions, "keys:read");
  EXPECT_EQ(fate({{"scope", R"("")"}, {"permissions", R"(["keys:revoke"])"}}), "accepted");
  EXPECT_EQ(claims_.permissions, "");
}

TEST_F(ClaimsTest, NeverMakeAPermissionOfAnUnfitWord) {
  EXPECT_EQ(fate({{"permissions", R"(["read gateway","a\tb","","keys:read"," ","a\u00e9"])"}}), "accepted");
  EXPECT_EQ(claims_.permissions, "keys:read");
  for (const auto* value :
       {"null", "1", "{}", R"([["gateway"]])", R"(["gateway",1])", R"([{"gateway":1}])"}) {
    EXPECT_EQ(fate({{"scope", value}}), "permissions are not text") << value;
    EXPECT_EQ(fate({{"permissions", value}}), "permissions are not text") << value;
  }
}

TEST_F(ClaimsTest, LimitTheBearer) {
  EXPECT_EQ(fate({}), "accepted");
  EXPECT_FALSE(claims_.is_limited());
  EXPECT_EQ(fate({{"workspace", R"("w1")"}, {"application", R"(["a1","a2"])"}}), "accepted");
  EXPECT_TRUE(claims_.is_limited());
  EXPECT_EQ(limit(Scope::workspace), (std::vector<std::string>{"w1"}));
  EXPECT_EQ(limit(Scope::application), (std::vector<std::string>{"a1", "a2"}));
  EXPECT_EQ(limit(Scope::user), std::nullopt);
  EXPECT_EQ(fate({}), "accepted");
  EXPECT_FALSE(claims_.is_limited());  // nothing remains of the previous token
}

TEST_F(ClaimsTest, AreRefusedWithALimitThatNamesNoOwner) {
  for (const auto* name : {"workspace", "application", "user"}) {
    for (const auto* value : {"null", R"("")", "[]", "1", "{}", "true", R"(["w1",""])", R"(["w1",1])",
                              R"("..")", R"("a\u0000")", R"([["w1"]])", R"([{"id":"w1"}])"}) {
      EXPECT_EQ(fate({{name, value}}), "a limit names no owner") << name << value;
    }
  }
}

TEST_F(ClaimsTest, NameABoundedNumberOfOwners) {
  std::string ids = R"("w")";
  for (std::size_t i = 1; i < max_limit_ids; ++i) ids += R"(,"w")";
  EXPECT_EQ(fate({{"workspace", "[" + ids + "]"}}), "accepted");
  EXPECT_EQ(fate({{"workspace", "[" + ids + R"(,"w"])"}}), "a limit names too many owners");
}

TEST_F(ClaimsTest, StandWhereTheRulesSay) {
  rules_.scope_claim = "scp";
  rules_.permissions_claim = "";
  rules_.limit_claims = {"sub", "azp", "https://id.example/tenant"};
  EXPECT_EQ(fate({{"scp", R"(["keys:read"])"},
                  {"scope", R"("gateway")"},
                  {"permissions", R"(["gateway"])"},
                  {"", R"("gateway")"},
                  {"https://id.example/tenant", R"("t1")"},
                  {"user", "1"}}),
            "accepted");
  EXPECT_EQ(claims_.permissions, "keys:read");
  EXPECT_EQ(limit(Scope::user), (std::vector<std::string>{"alice"}));
  EXPECT_EQ(limit(Scope::application), std::nullopt);
  EXPECT_EQ(limit(Scope::workspace), (std::vector<std::string>{"t1"}));
}

}  // namespace revoked::net::jwt_claims_test
