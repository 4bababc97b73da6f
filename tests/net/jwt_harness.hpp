#pragma once
// A verifier over a JWKS file of the test's own, one key for each algorithm, and tokens for it.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "net/jwt.hpp"
#include "tests/net/signing_key.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::net {

using revoked::test::base64url;
using revoked::test::SigningKey;

inline constexpr std::int64_t now_s = 1'800'000'000;
inline constexpr engine::UnixMs now_ms = now_s * 1000;

// The claims of a good token as JSON texts; `changes` replaces some, and an empty text leaves one out.
inline std::string payload(const std::map<std::string, std::string>& changes = {}) {
  std::map<std::string, std::string> claims{{"iss", R"("https://id.example")"},
                                            {"aud", R"("revoked")"},
                                            {"sub", R"("alice")"},
                                            {"exp", std::to_string(now_s + 600)}};
  for (const auto& [name, value] : changes) claims[name] = value;
  std::string text;
  for (const auto& [name, value] : claims) {
    if (!value.empty()) text += (text.empty() ? "{\"" : ",\"") + name + "\":" + value;
  }
  return text + "}";
}

inline std::string header(std::string_view alg, std::string_view kid, std::string_view more = "") {
  return R"({"alg":")" + std::string(alg) + R"(","kid":")" + std::string(kid) + "\"" + std::string(more) +
         "}";
}

// Made once: RSA keys take a while.
inline const std::vector<SigningKey>& all_keys() {
  static const std::vector<SigningKey> keys{SigningKey::hs256(), SigningKey::rs256(), SigningKey::ps256(),
                                            SigningKey::es256(), SigningKey::eddsa()};
  return keys;
}
inline const SigningKey& key_for(std::string_view alg) {
  for (const auto& key : all_keys()) {
    if (key.alg() == alg) return key;
  }
  throw std::invalid_argument("no such key");
}

inline std::string key_set(const std::vector<std::string>& jwks) {
  std::string text;
  for (const auto& jwk : jwks) text += (text.empty() ? "" : ",") + jwk;
  return R"({"keys":[)" + text + "]}";
}

class JwtTest : public testing::Test {
 protected:
  // As an operator should: another file, then renamed.
  void write_keys(const std::string& text) {
    std::ofstream(directory_ / "new") << text;
    std::filesystem::rename(directory_ / "new", file());
  }
  // Each key's "kid" is its algorithm.
  static std::string all_jwks() {
    std::vector<std::string> jwks;
    for (const auto& key : all_keys()) jwks.push_back(key.jwk(key.alg()));
    return key_set(jwks);
  }
  std::filesystem::path file() const { return directory_ / "jwks.json"; }

  JwtOptions options() {
    JwtOptions options;
    options.jwks_file = file();
    options.rules.issuer = "https://id.example";
    options.rules.audience = "revoked";
    options.on_jwks = [this](const JwksReport& report) {
      reports_.emplace_back(report.is_good ? "good" : std::string(report.reason));
    };
    return options;
  }
  JwtVerifier& verifier() {
    if (!verifier_) {
      if (!exists(file())) write_keys(all_jwks());
      verifier_ = std::make_unique<JwtVerifier>(options());
    }
    return *verifier_;
  }

  // Why the token is refused; "accepted" if it is not.
  std::string fate(std::string_view token, engine::UnixMs now = now_ms) {
    std::string_view why;
    const auto claims = verifier().verify(token, now, &why);
    if (claims) return "accepted";
    EXPECT_EQ(claims.error(), engine::errc::refused);
    EXPECT_FALSE(why.empty());
    return std::string(why);
  }
  static std::string token(std::string_view alg, const std::map<std::string, std::string>& changes = {}) {
    return key_for(alg).token(header(alg, alg), payload(changes));
  }
  // A token whose signature is good and whose header is this.
  static std::string with_header(std::string_view header) {
    return key_for("HS256").token(header, payload());
  }

  revoked::test::TemporaryDirectory directory_;
  std::vector<std::string> reports_;
  std::unique_ptr<JwtVerifier> verifier_;
};

}  // namespace revoked::net
