#pragma once
// One key for checking signatures of tokens, bound to one algorithm: a token cannot choose another for it.
// OpenSSL does the cryptography, and only verification_key.cpp includes it.
//
// A thin layer of our own because Debian 12's JOSE libraries do not fit: libjose and libcjose have no EdDSA
// and libjwt no JWKS; librhonabwy has both, but trusts keys in a token's header by default, and adds GnuTLS,
// nettle and curl to a program that already has OpenSSL.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"

namespace revoked::net {

// RFC 7518, section 3.1, and RFC 8037, section 3.1. There is no "none".
enum class Algorithm { hs256, rs256, ps256, es256, eddsa };
std::optional<Algorithm> parse_algorithm(std::string_view name);  // exact, as in "alg"
std::string_view to_string(Algorithm algorithm);

// Immutable, so usable from any thread. Cheap to copy: copies share the key, which is wiped with the last
// copy.
class VerificationKey {
 public:
  // All take raw bytes and fail with errc::invalid_field if they make no key, or a weak one. 32 to 1,024
  // bytes (RFC 7518, section 3.2).
  static engine::result<VerificationKey> hmac(std::string_view secret);
  // Big-endian numbers; 2,048 to 8,192 bits (section 3.3), an odd exponent of 3 to 64 bits. rs256 or ps256.
  static engine::result<VerificationKey> rsa(std::string_view n, std::string_view e, Algorithm algorithm);
  // 32 bytes each, on the curve (section 6.2).
  static engine::result<VerificationKey> p256(std::string_view x, std::string_view y);
  static engine::result<VerificationKey> ed25519(std::string_view x);  // 32 bytes (RFC 8037, section 2)

  Algorithm algorithm() const { return algorithm_; }
  // Of the algorithm and the key material: equal for the same key.
  const engine::Digest& fingerprint() const { return fingerprint_; }

  // `signature` as in JWS: for es256, r and s of 32 bytes each (RFC 7518, section 3.4).
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  struct Material;  // an OpenSSL key, or a secret
  VerificationKey(Algorithm algorithm, std::shared_ptr<const Material> material,
                  const engine::Digest& fingerprint);

  Algorithm algorithm_;
  engine::Digest fingerprint_;
  std::shared_ptr<const Material> material_;
};

}  // namespace revoked::net
