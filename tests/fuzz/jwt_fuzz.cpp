// Tokens. The first line selects the rest: "raw": the token itself; else the algorithm with which the two
// lines of header and payload are signed. Only tokens signed by one of the keys are accepted.

#include <filesystem>
#include <fstream>

#include "net/auth/jwt.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/net/auth/signing_key.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::jwt_fuzz {

using test::SigningKey;

constexpr std::int64_t now_s = 1'800'000'000;

struct Issuer {
  Issuer() : keys{SigningKey::hs256(), SigningKey::es256(), SigningKey::eddsa()} {
    std::string jwks;
    for (const auto& key : keys) jwks += (jwks.empty() ? "" : ",") + key.jwk(key.alg());
    std::ofstream(directory / "jwks.json") << R"({"keys":[)" << jwks << "]}";
    net::JwtOptions options;
    options.jwks_file = directory / "jwks.json";
    options.rules.issuer = "https://id.example";
    options.rules.audience = "revoked";
    verifier = std::make_unique<net::JwtVerifier>(options);
  }

  test::TemporaryDirectory directory;
  const std::vector<SigningKey> keys;
  std::unique_ptr<net::JwtVerifier> verifier;
};

FUZZ_TARGET(jwt) {
  static const Issuer issuer;
  auto rest = fuzz::text_of(data, size);
  const auto how = fuzz::take_line(rest);
  std::string token(rest);
  const SigningKey* signer = nullptr;
  for (const auto& key : issuer.keys) {
    if (key.alg() != how) continue;
    signer = &key;
    const auto header = fuzz::take_line(rest);
    token = key.token(header, rest);
  }
  std::string_view why;
  const auto claims = issuer.verifier->verify(token, now_s * 1000, &why);
  if (!claims) {
    REQUIRE(claims.error() == engine::errc::refused && !why.empty());
    return 0;
  }
  REQUIRE(signer != nullptr);
  REQUIRE(token.size() <= net::max_token_bytes);
  const auto& said = **claims;
  REQUIRE(said.expires_at > now_s * 1000);
  REQUIRE(!said.actor.empty() && said.actor.size() <= net::max_actor_size && said.actor != "master");
  for (const unsigned char c : said.actor) REQUIRE(c >= 0x20 && c != 0x7f);
  for (const auto& limit : said.limits) {
    if (!limit) continue;
    REQUIRE(!limit->empty() && limit->size() <= net::max_limit_ids);
    for (const auto& id : *limit) REQUIRE(engine::is_owner_id(id));
  }
  return 0;
}

}  // namespace revoked::jwt_fuzz
