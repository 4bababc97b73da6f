#include "net/auth/jwks.hpp"

#include <gtest/gtest.h>

#include "engine/base/base64url.hpp"
#include "tests/net/auth/jwt_harness.hpp"

namespace revoked::net::jwks_test {

using namespace std::string_literals;

// Why the set is wrong; "good" if it is not.
std::string fate(const std::string& text, KeySet* result = nullptr) {
  std::string why;
  auto set = KeySet::parse(text, why);
  if (!set) {
    EXPECT_EQ(set.error(), engine::errc::malformed);
    EXPECT_FALSE(why.empty());
    return why;
  }
  if (result != nullptr) *result = std::move(*set);
  return "good";
}
// Why the one entry of a set is skipped; "good" if it is not.
std::string fate_of_key(const std::string& jwk) {
  KeySet set;
  if (auto why = fate(key_set({jwk}), &set); why != "good") return why;
  EXPECT_EQ(set.size() + set.passed_over() + set.skipped().size(), 1u);
  return set.skipped().empty() ? "good" : set.skipped().front();
}
KeySet parsed(const std::string& text) {
  KeySet set;
  EXPECT_EQ(fate(text, &set), "good");
  return set;
}

// Whether the key verifies the token that the RFC gives for it.
bool vector_verifies(const std::string& jwk, Algorithm algorithm, std::string_view token) {
  const auto set = parsed(key_set({jwk}));
  const auto* key = set.find({}, algorithm);
  if (key == nullptr) return false;
  const auto end = token.rfind('.');
  const auto signature = engine::decode_base64url(token.substr(end + 1));
  auto other = *signature;
  other[5] ^= 1;
  return key->verify(token.substr(0, end), *signature) && !key->verify(token.substr(0, end), other) &&
         !key->verify(token.substr(0, end - 1), *signature);
}

constexpr std::string_view rfc7515_payload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

TEST(Jwks, VerifiesTheExamplesOfRfc7515) {
  const std::string payload(rfc7515_payload);
  EXPECT_TRUE(vector_verifies(  // appendix A.1
      R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
      Algorithm::hs256,
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload +
          ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
  EXPECT_TRUE(vector_verifies(  // appendix A.2
      R"({"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPME)"
      R"(zP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9)"
      R"(e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2e)"
      R"(thFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})",
      Algorithm::rs256,
      "eyJhbGciOiJSUzI1NiJ9." + payload +
          ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
          "O8W2Fp5jujGbds9uJdbF9CUAr"
          "7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_"
          "eSN9383LcOLn6_dO--xi1"
          "2jzDwusC-"
          "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_"
          "IoypGlU"
          "PQGe77Rw"));
  EXPECT_TRUE(vector_verifies(  // appendix A.3
      R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
          "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
      Algorithm::es256,
      "eyJhbGciOiJFUzI1NiJ9." + payload +
          ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"));
}

TEST(Jwks, VerifiesTheExampleOfRfc8037) {
  EXPECT_TRUE(vector_verifies(  // appendices A.2 and A.4
      R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})", Algorithm::eddsa,
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"));
}

TEST(Jwks, BindsEachKeyToOneAlgorithm) {
  for (const auto& key : all_keys()) {
    const auto set = parsed(key_set({key.jwk("k")}));
    for (const auto algorithm :
         {Algorithm::hs256, Algorithm::rs256, Algorithm::ps256, Algorithm::es256, Algorithm::eddsa}) {
      EXPECT_EQ(set.find("k", algorithm) != nullptr, to_string(algorithm) == key.alg());
      EXPECT_EQ(set.find({}, algorithm) != nullptr, to_string(algorithm) == key.alg());
    }
  }
  const auto unbound = parsed(key_set({R"({"kid":"k")" + key_for("PS256").members() + "}"}));
  EXPECT_NE(unbound.find("k", Algorithm::rs256), nullptr);
  EXPECT_EQ(unbound.find("k", Algorithm::ps256), nullptr);
}

TEST(Jwks, RefusesAnAlgorithmOfAnotherType) {
  EXPECT_EQ(fate_of_key(R"({"alg":"HS256")" + key_for("RS256").members() + "}"),
            "keys[0]: alg does not fit kty");
  EXPECT_EQ(fate_of_key(R"({"alg":"RS256")" + key_for("HS256").members() + "}"),
            "keys[0]: alg does not fit kty");
  EXPECT_EQ(fate_of_key(R"({"alg":"EdDSA")" + key_for("ES256").members() + "}"),
            "keys[0]: alg does not fit kty");
  EXPECT_EQ(fate_of_key(R"({"alg":"ES256")" + key_for("EdDSA").members() + "}"),
            "keys[0]: alg does not fit kty");
}

TEST(Jwks, PassesOverKeysThatAreForSomethingElse) {
  const auto& rsa = key_for("RS256");
  const auto set =
      parsed(key_set({rsa.jwk("enc", R"(,"use":"enc")"), rsa.jwk("ops", R"(,"key_ops":["sign"])"),
                      R"({"kid":"oaep","alg":"RSA-OAEP")" + rsa.members() + "}",
                      R"({"kid":"512","alg":"RS512")" + rsa.members() + "}",
                      R"({"kid":"none","alg":"none")" + rsa.members() + "}",
                      R"({"kid":"p384","kty":"EC","crv":"P-384","x":"AA","y":"AA"})",
                      R"({"kid":"k1","kty":"EC","crv":"secp256k1","x":"AA","y":"AA"})",
                      R"({"kid":"x","kty":"OKP","crv":"X25519","x":"AA"})", R"({"kty":"future","z":[1,{}]})",
                      rsa.jwk("good", R"(,"use":"sig","key_ops":["verify"],"x5c":["AA"],"ext":true)")}));
  EXPECT_EQ(set.size(), 1);
  EXPECT_EQ(set.passed_over(), 9);
  EXPECT_NE(set.find("good", Algorithm::rs256), nullptr);
}

TEST(Jwks, ToleratesThePrivatePartOfAKey) {
  const auto set =
      parsed(key_set({key_for("RS256").jwk("k", R"(,"d":"AAAA","p":"AA","q":"AA","dp":"AA")"),
                      key_for("EdDSA").jwk("e", R"(,"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")")}));
  EXPECT_EQ(set.size(), 2);
}

TEST(Jwks, RefusesWeakKeys) {
  const std::string weak = "keys[0]: not a key, or a weak one (RSA under 2048 bits, oct under 32 bytes)";
  EXPECT_EQ(fate_of_key(SigningKey::rs256(1024).jwk("k")), weak);
  EXPECT_EQ(fate_of_key(SigningKey::rs256(2040).jwk("k")), weak);
  EXPECT_EQ(fate_of_key(SigningKey::hs256(std::string(31, 's')).jwk("k")), weak);
  EXPECT_EQ(fate_of_key(SigningKey::hs256("").jwk("k")), weak);
  EXPECT_EQ(fate_of_key(SigningKey::hs256(std::string(1025, 's')).jwk("k")), weak);
  EXPECT_EQ(fate_of_key(SigningKey::hs256(std::string(32, 's')).jwk("k")), "good");

  const auto rsa = [](const std::string& n, const std::string& e) {
    return fate_of_key(R"({"kty":"RSA","n":")" + base64url(n) + R"(","e":")" + base64url(e) + "\"}");
  };
  const auto n = key_for("RS256").modulus();
  EXPECT_EQ(rsa(n, "\x01\x00\x01"s), "good");
  EXPECT_EQ(rsa('\0' + n, "\x03"), "good");
  for (const auto& e : {""s, "\0"s, "\x01"s, "\0\x01"s, "\x02"s, "\x01\0\0"s, std::string(9, '\x01')})
    EXPECT_EQ(rsa(n, e), weak);
  EXPECT_EQ(rsa(std::string(256, '\0'), "\x03"), weak);
  EXPECT_EQ(rsa(std::string(128, '\0') + std::string(128, '\xff'), "\x03"), weak);
  EXPECT_EQ(rsa(std::string(1025, '\xff'), "\x03"), weak);
  EXPECT_EQ(rsa(std::string(2000, '\xff'), "\x03"), weak);
  auto even = n;
  even.back() = static_cast<char>(even.back() & ~1);
  EXPECT_EQ(rsa(even, "\x03"), weak);
}

TEST(Jwks, RefusesPointsThatAreNotOnTheCurve) {
  const std::string weak = "keys[0]: not a key, or a weak one (RSA under 2048 bits, oct under 32 bytes)";
  const auto ec = [](const std::string& x, const std::string& y) {
    return fate_of_key(R"({"kty":"EC","crv":"P-256","x":")" + base64url(x) + R"(","y":")" + base64url(y) +
                       "\"}");
  };
  const auto x = *engine::decode_base64url("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
  const auto y = *engine::decode_base64url("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
  EXPECT_EQ(ec(x, y), "good");
  auto off = y;
  off.back() ^= 1;
  const std::string zero(32, '\0');
  EXPECT_EQ(ec(x, off), weak);
  EXPECT_EQ(ec(y, x), weak);
  EXPECT_EQ(ec(zero, zero), weak);
  EXPECT_EQ(ec(std::string(32, '\xff'), y), weak);
  EXPECT_EQ(ec(x.substr(1), y), weak);
  EXPECT_EQ(ec('\0' + x, y), weak);
  EXPECT_EQ(fate_of_key(R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"), weak);
}

// RFC 7517, section 4.5: keys of different types may share one, as alternatives.
TEST(Jwks, TakesOneKidForKeysOfDifferentTypes) {
  const auto set = parsed(key_set({key_for("ES256").jwk("a"), key_for("RS256").jwk("a")}));
  EXPECT_TRUE(set.skipped().empty());
  EXPECT_NE(set.find("a", Algorithm::es256), nullptr);
  EXPECT_NE(set.find("a", Algorithm::rs256), nullptr);
}

TEST(Jwks, UsesNeitherOfTwoKeysWithOneKidForOneAlgorithm) {
  const auto& key = key_for("ES256");
  const auto set = parsed(key_set({key.jwk("a"), SigningKey::es256().jwk("a"), key.jwk("b")}));
  EXPECT_EQ(set.skipped(),
            std::vector<std::string>{
                "keys[1]: its kid comes twice for one algorithm: neither of the keys is used for it"});
  EXPECT_EQ(set.find("a", Algorithm::es256), nullptr);
  EXPECT_NE(set.find("b", Algorithm::es256), nullptr);
  EXPECT_EQ(fate_of_key(R"({"kid":1)" + key.members() + "}"), "keys[0]: kid is not a string");
  // Without a kid there may be several; then a token without a kid is ambiguous.
  const auto nameless =
      parsed(key_set({"{" + key.members().substr(1) + "}", "{" + key.members().substr(1) + "}"}));
  EXPECT_EQ(nameless.find({}, Algorithm::es256), nullptr);
  EXPECT_EQ(nameless.find("", Algorithm::es256), nullptr);
}

TEST(Jwks, SkipsWhatIsNotEvenAnObject) {
  const auto good = key_for("ES256").jwk("good");
  const auto set = parsed(key_set({"1", good, R"("{\"kty\":\"oct\"}")", "[{}]", "null"}));
  EXPECT_EQ(set.size(), 1);
  EXPECT_EQ(set.skipped(), (std::vector<std::string>{"keys[0]: not an object", "keys[2]: not an object",
                                                     "keys[3]: not an object", "keys[4]: not an object"}));
  EXPECT_EQ(parsed(key_set({"1"})).skipped().size(), 1);
}

TEST(Jwks, JudgesEntriesOneByOne) {
  const auto set = parsed(key_set({key_for("ES256").jwk("good"), SigningKey::rs256(1024).jwk("weak"), "{}",
                                   R"({"kty":"oct","kty":"oct"})", key_for("RS256").jwk("good too")}));
  EXPECT_EQ(set.size(), 2);
  EXPECT_EQ(set.skipped(),
            (std::vector<std::string>{
                "keys[1]: not a key, or a weak one (RSA under 2048 bits, oct under 32 bytes)",
                "keys[2]: kty is missing", "keys[3]: a member comes twice, or there are too many"}));
  EXPECT_NE(set.find("good", Algorithm::es256), nullptr);
  EXPECT_NE(set.find("good too", Algorithm::rs256), nullptr);
  EXPECT_EQ(set.find("weak", Algorithm::rs256), nullptr);
}

TEST(Jwks, RefusesWhatIsNotAKeySet) {
  const std::string not_object = "not one JSON object, or a member comes twice";
  const std::string not_array = "\"keys\" is not an array";
  for (const auto* text :
       {"", " ", "[]", "null", "{", R"({"keys":[)", R"({"keys":[],"keys":[]})", R"({"keys":[]} x)"}) {
    EXPECT_EQ(fate(text), not_object) << text;
  }
  for (const auto* text : {"{}", R"({"keys":null})", R"({"keys":{}})", R"({"keys":1.5})", R"({"Keys":[]})"}) {
    EXPECT_EQ(fate(text), not_array) << text;
  }
  EXPECT_EQ(fate_of_key("{}"), "keys[0]: kty is missing");
  EXPECT_EQ(fate_of_key(R"({"kty":"oct","kty":"oct"})"),
            "keys[0]: a member comes twice, or there are too many");
  EXPECT_EQ(fate_of_key(R"("{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T\"}")"),
            "keys[0]: not an object");
  EXPECT_EQ(fate_of_key(R"({"kty":1})"), "keys[0]: a member that must be a string is not");
  EXPECT_EQ(fate_of_key(R"({"kty":"oct","use":1})"), "keys[0]: a member that must be a string is not");
  EXPECT_EQ(fate_of_key(R"({"kty":"oct","alg":null})"), "keys[0]: a member that must be a string is not");
  EXPECT_EQ(fate_of_key(R"({"kty":"oct","key_ops":"verify"})"),
            "keys[0]: key_ops is not an array of strings");
  for (const auto* key : {R"({"kty":"oct"})", R"({"kty":"oct","k":"a+b/"})", R"({"kty":"RSA","n":"AQAB"})",
                          R"({"kty":"EC","crv":"P-256","x":"AA=="})", R"({"kty":"OKP","crv":"Ed25519"})"}) {
    EXPECT_EQ(fate_of_key(key), "keys[0]: a member of the key is missing or not base64url without padding")
        << key;
  }
  EXPECT_EQ(fate(key_set({std::string(R"({"kty":"future","x":)") + std::string(100, '[') +
                          std::string(100, ']') + "}"})),
            not_object);
}

TEST(Jwks, BoundsSizeAndCount) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < max_jwks_keys; ++i) keys.push_back(key_for("HS256").jwk(std::to_string(i)));
  EXPECT_EQ(parsed(key_set(keys)).size(), max_jwks_keys);
  keys.push_back(key_for("HS256").jwk("one more"));
  const auto cut = parsed(key_set(keys));
  EXPECT_EQ(cut.size(), max_jwks_keys);
  EXPECT_EQ(cut.skipped(), std::vector<std::string>{"keys[64] and later: more than 64 keys"});
  EXPECT_EQ(cut.find("one more", Algorithm::hs256), nullptr);
  EXPECT_EQ(fate(key_set({}) + std::string(max_jwks_bytes, ' ')), "larger than 256 KiB");
  EXPECT_EQ(parsed(key_set({})).size(), 0);
}

TEST(Base64url, IsStrict) {
  EXPECT_EQ(engine::decode_base64url(""), "");
  EXPECT_EQ(engine::decode_base64url("Zg"), "f");
  EXPECT_EQ(engine::decode_base64url("Zm8"), "fo");
  EXPECT_EQ(engine::decode_base64url("Zm9vYmFy"), "foobar");
  EXPECT_EQ(engine::decode_base64url("-_-_"), "\xfb\xff\xbf");
  for (const auto* bad :
       {"A", "AAAAA", "Zg==", "Zm8=", "Zh", "Zm9", "Zg ", " Zg", "Z\ng", "+/+/", "Zm.v", "Zm9vYmF\x80"}) {
    EXPECT_EQ(engine::decode_base64url(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(engine::decode_base64url(std::string_view("AA\0A", 4)), std::nullopt);
  for (int i = 0; i < 256; ++i) {  // each value, in each place of a group
    for (const auto& bytes :
         {std::string(1, static_cast<char>(i)), std::string(1, static_cast<char>(i)) + "x",
          "xy" + std::string(1, static_cast<char>(i))}) {
      EXPECT_EQ(engine::decode_base64url(base64url(bytes)), bytes);
      EXPECT_EQ(engine::encode_base64url(bytes), base64url(bytes));
    }
  }
}

}  // namespace revoked::net::jwks_test
