#include "tests/net/auth/jwt_harness.hpp"

namespace revoked::net {

std::string payload(const std::map<std::string, std::string>& changes) {
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

std::string header(std::string_view alg, std::string_view kid, std::string_view more) {
  return R"({"alg":")" + std::string(alg) + R"(","kid":")" + std::string(kid) + "\"" + std::string(more) +
         "}";
}

const std::vector<SigningKey>& all_keys() {
  static const std::vector<SigningKey> keys{SigningKey::hs256(), SigningKey::rs256(), SigningKey::ps256(),
                                            SigningKey::es256(), SigningKey::eddsa()};
  return keys;
}

const SigningKey& key_for(std::string_view alg) {
  for (const auto& key : all_keys()) {
    if (key.alg() == alg) return key;
  }
  throw std::invalid_argument("no such key");
}

std::string key_set(const std::vector<std::string>& jwks) {
  std::string text;
  for (const auto& jwk : jwks) text += (text.empty() ? "" : ",") + jwk;
  return R"({"keys":[)" + text + "]}";
}

void JwtTest::write_keys(const std::string& text) {
  std::ofstream(directory_ / "new") << text;
  std::filesystem::rename(directory_ / "new", file());
}

std::string JwtTest::all_jwks() {
  std::vector<std::string> jwks;
  for (const auto& key : all_keys()) jwks.push_back(key.jwk(key.alg()));
  return key_set(jwks);
}

JwtOptions JwtTest::options() {
  JwtOptions options;
  options.jwks_file = file();
  options.rules.issuer = "https://id.example";
  options.rules.audience = "revoked";
  options.on_jwks = [this](const JwksReport& report) {
    reports_.emplace_back(report.is_good ? "good" : std::string(report.reason));
  };
  return options;
}

JwtVerifier& JwtTest::verifier() {
  if (!verifier_) {
    if (!exists(file())) write_keys(all_jwks());
    verifier_ = std::make_unique<JwtVerifier>(options());
  }
  return *verifier_;
}

std::string JwtTest::fate(std::string_view token, engine::UnixMs now) {
  std::string_view why;
  const auto claims = verifier().verify(token, now, &why);
  if (claims) return "accepted";
  EXPECT_EQ(claims.error(), engine::errc::refused);
  EXPECT_FALSE(why.empty());
  return std::string(why);
}

std::string JwtTest::token(std::string_view alg, const std::map<std::string, std::string>& changes) {
  return key_for(alg).token(header(alg, alg), payload(changes));
}

std::string JwtTest::with_header(std::string_view header) {
  return key_for("HS256").token(header, payload());
}

JwtTest::JwtTest() = default;

JwtTest::~JwtTest() = default;

}  // namespace revoked::net
