#pragma once
// A verifier over the test's own JWKS file, one key for each algorithm, and tokens for it.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "net/auth/jwt.hpp"
#include "tests/net/auth/signing_key.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::net {

using revoked::test::base64url;
using revoked::test::SigningKey;

inline constexpr std::int64_t now_s = 1'800'000'000;
inline constexpr engine::UnixMs now_ms = now_s * 1000;

// The claims of a valid token as JSON texts; `changes` replaces some, and an empty text omits one.
std::string payload(const std::map<std::string, std::string>& changes = {});

std::string header(std::string_view alg, std::string_view kid, std::string_view more = "");

// Made once: RSA keys take long.
const std::vector<SigningKey>& all_keys();
const SigningKey& key_for(std::string_view alg);

std::string key_set(const std::vector<std::string>& jwks);

class JwtTest : public testing::Test {
 protected:
  JwtTest();
  ~JwtTest() override;

  // As recommended: written to another file, then renamed.
  void write_keys(const std::string& text);
  // Each key's "kid" is its algorithm.
  static std::string all_jwks();
  std::filesystem::path file() const { return directory_ / "jwks.json"; }

  JwtOptions options();
  JwtVerifier& verifier();

  // Why the token is refused; "accepted" if it is not.
  std::string fate(std::string_view token, engine::UnixMs now = now_ms);
  static std::string token(std::string_view alg, const std::map<std::string, std::string>& changes = {});
  // A token with this header and a valid signature.
  static std::string with_header(std::string_view header);

  revoked::test::TemporaryDirectory directory_;
  std::vector<std::string> reports_;
  std::unique_ptr<JwtVerifier> verifier_;
};

}  // namespace revoked::net
