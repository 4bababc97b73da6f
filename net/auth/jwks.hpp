#pragma once
// The keys that tokens may be signed with, as a JWK Set (RFC 7517; members of each type in RFC 7518, section
// 6, and RFC 8037, section 2). Immutable, so usable from any thread.
//
// Used are keys for signatures: "oct" with HS256, "RSA" with RS256 or PS256, "EC" on P-256 with ES256, "OKP"
// on Ed25519 with EdDSA. "alg" binds a key to one of them. Without "alg" the type decides; an RSA key is then
// for RS256 only, since one key for two algorithms would let the sender of a token choose.
//
// Passed over, as section 5 requires, are keys for another purpose: another "kty", "crv" or "alg", a "use"
// that is not "sig", "key_ops" without "verify".
//
// Each entry is judged by itself. An entry that cannot be used is skipped and reported: a member missing or
// malformed, an "alg" of another type, a weak key. The others stay in effect, so that removing a leaked key
// from the file always ends it, whatever else the file contains. Keys of different types may share a "kid"
// (section 4.5); where two for one algorithm do, neither is used for it. Members of private keys are allowed,
// and not kept.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/auth/verification_key.hpp"

namespace revoked::net {

inline constexpr std::size_t max_jwks_bytes = 256 * 1024;
inline constexpr std::size_t max_jwks_keys = 64;  // entries; later ones are skipped

class KeySet {
 public:
  // errc::malformed if it is not a JWK Set; `why` is then the reason, and never holds content of the file.
  static engine::result<KeySet> parse(std::string_view json, std::string& why);

  // The one key for a token with this "kid" and "alg"; without a "kid", only if exactly one key is for that
  // "alg". Null if there is none. Lives as long as the set.
  const VerificationKey* find(const std::optional<std::string>& kid, Algorithm algorithm) const;

  std::size_t size() const { return keys_.size(); }
  std::size_t passed_over() const { return passed_over_; }
  // For each entry that cannot be used, which and why; at most max_jwks_keys, and one for all later entries.
  const std::vector<std::string>& skipped() const { return skipped_; }

 private:
  struct Entry {
    std::optional<std::string> kid;
    VerificationKey key;
  };
  void judge(std::string_view entry, const std::string& at);

  std::vector<Entry> keys_;
  std::size_t passed_over_ = 0;
  std::vector<std::string> skipped_;
};

}  // namespace revoked::net
