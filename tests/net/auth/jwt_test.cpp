// The checks of a token before its claims are read. The attacks are those of RFC 8725 and of published CVEs.

#include "net/auth/jwt.hpp"

#include <gtest/gtest.h>

#include "tests/net/auth/jwt_harness.hpp"

namespace revoked::net::jwt_test {

using namespace std::string_literals;

TEST_F(JwtTest, AcceptsEachAlgorithmWithItsOwnKey) {
  for (const auto& key : all_keys()) {
    const auto claims = verifier().verify(token(key.alg()), now_ms);
    ASSERT_TRUE(claims) << key.alg();
    EXPECT_EQ((*claims)->actor, "alice");
    EXPECT_EQ((*claims)->expires_at, now_ms + 600'000);
  }
}

TEST_F(JwtTest, RefusesEachKeyWithTheAlgorithmOfAnother) {
  for (const auto& key : all_keys()) {
    for (const auto& other : all_keys()) {
      if (key.alg() == other.alg()) continue;
      EXPECT_EQ(fate(key.token(header(key.alg(), other.alg()), payload())), "no key for it");
      EXPECT_EQ(fate(key.token(header(other.alg(), other.alg()), payload())), "bad signature");
    }
  }
}

TEST_F(JwtTest, RefusesTokensWithoutASignature) {
  for (const auto* alg : {"none", "None", "NONE", "nOnE", "", " none", "none ", "hs256", "HS256 ", "RS512",
                          "HS384", "HS256\\u0000", "Ed25519", "ES256K"}) {
    const auto unsigned_token = base64url(header(alg, "HS256")) + "." + base64url(payload()) + ".";
    EXPECT_EQ(fate(unsigned_token), "algorithm is not accepted") << alg;
    EXPECT_EQ(fate(with_header(header(alg, "HS256"))), "algorithm is not accepted") << alg;
  }
  for (const auto* text :
       {R"({"kid":"HS256"})", R"({"alg":null,"kid":"HS256"})", R"({"alg":["HS256"],"kid":"HS256"})",
        R"({"alg":256})", R"({"ALG":"HS256","kid":"HS256"})"}) {
    EXPECT_EQ(fate(with_header(text)), "algorithm is not accepted") << text;
  }
  for (const auto& key : all_keys()) {
    const auto good = token(key.alg());
    EXPECT_EQ(fate(good.substr(0, good.rfind('.') + 1)), "bad signature") << key.alg();
    EXPECT_EQ(fate(good.substr(0, good.rfind('.'))), "not three parts") << key.alg();
  }
}

TEST_F(JwtTest, RefusesThePublicKeyAsAnHmacSecret) {
  const auto& rsa = key_for("RS256");
  for (const auto& secret :
       {rsa.public_pem(), rsa.public_der(), rsa.modulus(), base64url(rsa.modulus()), rsa.jwk("RS256")}) {
    const auto forger = SigningKey::hs256(secret);
    EXPECT_EQ(fate(forger.token(header("HS256", "RS256"), payload())), "no key for it");
    EXPECT_EQ(fate(forger.token(header("RS256", "RS256"), payload())), "bad signature");
    EXPECT_EQ(fate(forger.token(R"({"alg":"HS256"})", payload())), "bad signature");
  }
  write_keys(key_set({rsa.jwk("RS256")}));
  const auto forger = SigningKey::hs256(rsa.public_pem());
  EXPECT_EQ(fate(forger.token(R"({"alg":"HS256"})", payload()), now_ms + 1000), "no key for it");
}

TEST_F(JwtTest, ComparesAKidAndDoesNothingElseWithIt) {
  std::ofstream(directory_ / "empty").flush();
  for (const std::string kid :
       {"other", "", "rs256", "HS256 ", " HS256", "HS256\\u0000", "../../../../dev/null", "/dev/null",
        "../empty", "jwks.json", "%2e%2e%2fempty", "' OR '1'='1", "x' UNION SELECT 'ssss", "HS256'--",
        "$(id)", "|id", "http://127.0.0.1/key", "*", "0"}) {
    EXPECT_EQ(fate(with_header(header("HS256", kid))), "no key for it") << kid;
    // A possible result of looking up such a kid as the key.
    EXPECT_EQ(fate(SigningKey::hs256("").token(header("HS256", kid), payload())), "no key for it") << kid;
  }
  for (const auto* text : {R"({"alg":"HS256","kid":1})", R"({"alg":"HS256","kid":null})",
                           R"({"alg":"HS256","kid":["HS256"]})", R"({"alg":"HS256","kid":{"a":"HS256"}})"}) {
    EXPECT_EQ(fate(with_header(text)), "kid is not a string") << text;
  }
}

TEST_F(JwtTest, WithoutAKidTakesTheOnlyKeyThatFits) {
  EXPECT_EQ(fate(with_header(R"({"alg":"HS256"})")), "accepted");
  write_keys(key_set({key_for("HS256").jwk("one"), SigningKey::hs256(std::string(32, 't')).jwk("two")}));
  EXPECT_EQ(fate(with_header(R"({"alg":"HS256"})"), now_ms + 1000), "no key for it");
  EXPECT_EQ(fate(with_header(header("HS256", "one")), now_ms + 1000), "accepted");
}

TEST_F(JwtTest, RefusesHeadersThatBringKeysOrExtensions) {
  const auto mine = SigningKey::rs256();
  const std::string jwk = R"({"kty":"RSA")" + mine.members().substr(12) + "}";
  for (const std::string member :
       {R"("jku":"http://127.0.0.1/jwks.json")", R"("x5u":"http://127.0.0.1/cert.pem")", R"("x5c":["MIIB"])",
        R"("crit":["exp"])", R"("crit":[])", R"("b64":false)", R"("b64":true,"crit":["b64"])",
        R"("jku":null)", R"("jk\u0075":"x")"}) {
    const auto text = header("RS256", "RS256", "," + member);
    EXPECT_EQ(fate(mine.token(text, payload())), "header has a forbidden member") << member;
    EXPECT_EQ(fate(key_for("RS256").token(text, payload())), "header has a forbidden member") << member;
  }
  EXPECT_EQ(fate(mine.token(R"({"alg":"RS256","jwk":)" + jwk + "}", payload())),
            "header has a forbidden member");
  // Thumbprints name a key without containing one.
  EXPECT_EQ(fate(with_header(header("HS256", "HS256", R"(,"x5t":"abc","x5t#S256":"def")"))), "accepted");
}

TEST_F(JwtTest, AcceptsOnlyTheTypesOfTokens) {
  for (const auto* type : {"JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "application/at+jwt"}) {
    EXPECT_EQ(fate(with_header(header("HS256", "HS256", R"(,"typ":")" + std::string(type) + "\""))),
              "accepted");
  }
  for (const auto* type :
       {R"("JOSE")", R"("dpop+jwt")", R"("logout+jwt")", R"("")", "null", "1", R"("JWT ")"}) {
    EXPECT_EQ(fate(with_header(header("HS256", "HS256", ",\"typ\":" + std::string(type)))),
              "typ is not a token type");
  }
}

TEST_F(JwtTest, RefusesHeadersThatAreNotOneObjectWithDistinctMembers) {
  const std::string fault = "header is not one JSON object, or a member comes twice";
  for (const std::string text :
       {"", "null", "[]", "\"HS256\"", R"({"alg":"HS256","alg":"HS256"})", R"({"alg":"none","alg":"HS256"})",
        R"({"alg":"HS256","kid":"HS256","kid":"HS256"})", R"({"alg":"HS256","\u0061lg":"none"})",
        R"({"alg":"HS256"}{})", R"({"alg":"HS256"},)", R"({"alg":"HS256")", R"({'alg':'HS256'})",
        "{\"alg\":\"HS256\"}\xff", "{\"alg\":\"HS256\",\"x\":\"\xff\"}"}) {
    EXPECT_EQ(fate(with_header(text)), fault) << text;
  }
  EXPECT_EQ(fate(with_header(std::string("{\"alg\":\"HS256\"}\0", 16))), fault);
  std::string bomb = R"({"alg":"HS256","x":)";
  EXPECT_EQ(fate(with_header(bomb + std::string(300, '[') + std::string(300, ']') + "}")), fault);
}

TEST_F(JwtTest, RefusesATokenCutAnywhere) {
  for (const auto& key : all_keys()) {
    const auto whole = token(key.alg());
    for (std::size_t size = 0; size < whole.size(); ++size) {
      ASSERT_NE(fate(whole.substr(0, size)), "accepted") << key.alg() << " cut to " << size;
      ASSERT_NE(fate(whole.substr(whole.size() - size)), "accepted") << key.alg() << " tail of " << size;
    }
  }
}

TEST_F(JwtTest, RefusesATokenWithAnyByteChanged) {
  for (const auto& key : all_keys()) {
    const auto whole = token(key.alg());
    ASSERT_EQ(fate(whole), "accepted");
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const int flip : {0x01, 0x04, 0x20, 0x80}) {
        auto changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ flip);
        ASSERT_NE(fate(changed), "accepted") << key.alg() << " byte " << at;
      }
      auto longer = whole;
      ASSERT_NE(fate(longer.insert(at, 1, 'A')), "accepted") << key.alg() << " longer at " << at;
    }
  }
}

TEST_F(JwtTest, RefusesOtherWrappings) {
  const auto good = token("HS256");
  for (const std::string& bad :
       {good + ".", "." + good, good + ".AAAA", good + "..", good + "=", good + "==", good + " ", " " + good,
        good + "\n", good + std::string(1, '\0'), "Bearer " + good, good + good, std::string("."),
        std::string(".."), std::string("..."), std::string()}) {
    EXPECT_NE(fate(bad), "accepted") << bad;
  }
  auto standard = good;  // the alphabet of plain base64
  for (auto& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
  EXPECT_TRUE(standard == good || fate(standard) != "accepted");
  // 32 bytes leave two spare bits in the last of 43 characters: all four spellings decode to one signature.
  for (int i = 1; i < 4; ++i) {
    auto spelled = good;
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    spelled.back() = alphabet[alphabet.find(good.back()) + i];
    EXPECT_EQ(fate(spelled), "payload or signature is not base64url");
  }
}

TEST_F(JwtTest, RefusesOversizedTokens) {
  const auto sized = [](std::size_t size) {
    return key_for("HS256").token(header("HS256", "HS256"),
                                  payload({{"x", "\"" + std::string(size, 'x') + "\""}}));
  };
  std::size_t fill = 5000;
  while (sized(fill + 1).size() <= max_token_bytes) ++fill;
  EXPECT_EQ(fate(sized(fill)), "accepted");
  EXPECT_EQ(fate(sized(fill + 2)), "too large");
  EXPECT_EQ(fate(std::string(10'000'000, 'A')), "too large");
  EXPECT_EQ(fate(with_header(header("HS256", "HS256", R"(,"x":")" + std::string(1000, 'x') + "\""))),
            "header too large");
}

TEST_F(JwtTest, RefusesForgedEs256Signatures) {
  const auto& key = key_for("ES256");
  const auto message = base64url(header("ES256", "ES256")) + "." + base64url(payload());
  const std::string order =  // of the group; r and s must be below it
      "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3"
      "\xb9\xca\xc2"
      "\xfc\x63\x25\x51"s;
  const std::string zero(32, '\0');
  const auto good = key.sign(message);
  const auto r = good.substr(0, 32);
  const auto s = good.substr(32);
  ASSERT_EQ(fate(message + "." + base64url(good)), "accepted");
  // CVE-2022-21449: without a check, r and s of zero are valid for every message.
  for (const auto& forged :
       {zero + zero, zero + s, r + zero, order + order, r + order, order + s, order + zero, s + r,
        good + good, r, good + '\0', '\0' + good, std::string(), key.sign_raw(message)}) {
    EXPECT_EQ(fate(message + "." + base64url(forged)), "bad signature");
  }
}

TEST_F(JwtTest, KeepsTheTwoPaddingsOfRsaApart) {
  const auto& rs = key_for("RS256");
  const auto& ps = key_for("PS256");
  EXPECT_EQ(fate(ps.as("RS256").token(header("RS256", "PS256"), payload())), "no key for it");
  EXPECT_EQ(fate(ps.as("RS256").token(header("PS256", "PS256"), payload())), "bad signature");
  EXPECT_EQ(fate(rs.as("PS256").token(header("RS256", "RS256"), payload())), "bad signature");
}

TEST(LooksLikeJwt, IsThreePartsBetweenDots) {
  EXPECT_TRUE(looks_like_jwt("a.b.c"));
  EXPECT_TRUE(looks_like_jwt(".."));
  for (const auto* other : {"", "a", "a.b", "a.b.c.d"}) EXPECT_FALSE(looks_like_jwt(other));
}

}  // namespace revoked::net::jwt_test
