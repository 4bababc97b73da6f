#pragma once
// Signed tokens of an identity provider as credentials: JWT (RFC 7519) in JWS compact form (RFC 7515,
// section 7.1), by the best current practices of RFC 8725. All keys come from a JWKS file.
//
// The token picks a key by "kid", which is only ever compared, and the key dictates the algorithm. Accepted
// are HS256, RS256, PS256, ES256 and EdDSA.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "net/auth/jwks.hpp"
#include "net/auth/jwt_claims.hpp"
#include "net/auth/token_cache.hpp"
#include "net/auth/watched_file.hpp"

namespace revoked::net {

inline constexpr std::size_t max_token_bytes = 8 * 1024;
inline constexpr std::size_t max_token_header_bytes = 1024;  // in base64url

// Three parts between two dots. Says nothing of its worth; a secret that was imported may look the same.
bool looks_like_jwt(std::string_view credential);

// What came of reading the file of keys, for the log. Holds nothing of the keys themselves.
struct JwksReport {
  std::string_view path;
  bool is_good = false;     // false: the keys of before stay in use
  std::string_view reason;  // why it is not good
  std::size_t keys = 0;
  std::size_t passed_over = 0;
  std::span<const std::string> skipped;  // entries that cannot be used: which and why
};

struct JwtOptions {
  std::string jwks_file;
  ClaimRules rules;
  // Called at the first reading, then whenever the file changes, and once when it becomes unreadable; from a
  // thread that verifies, one at a time. Must not call the verifier.
  std::function<void(const JwksReport&)> on_jwks;
};

// Thread-safe. Verifying costs a signature, or, for a token of the last minute, a hash and a look-up.
//
// The file is looked at once a second at most, by the thread that verifies then; it should be replaced by
// renaming. Removing a key from it ends the tokens of that key, cached ones too, at the first verify a second
// later, whatever else is in the file (see jwks.hpp). While it is no JSON or gone, the keys of before stay in
// use. An empty set is neither: it ends every token.
class JwtVerifier {
 public:
  // Throws std::runtime_error if the file cannot be read, or holds entries but none that can be used;
  // std::invalid_argument if the leeway is not within 0 to max_leeway_s.
  explicit JwtVerifier(JwtOptions options);

  // The claims of a token that is good at `now`; kept alive by who holds them. errc::refused for any other;
  // `why`, if given, then gets a static text for the log, of no use to the bearer.
  engine::result<std::shared_ptr<const Claims>> verify(std::string_view token, engine::UnixMs now,
                                                       std::string_view* why = nullptr) const;

  // Whether a token with these claims, which was good before, is so at `now`: it has not expired, and the key
  // that it is signed with is still there. Costs no signature.
  bool is_still_good(const Claims& claims, engine::UnixMs now) const;

  std::size_t cached() const { return cache_.size(); }

 private:
  struct Keys {
    std::shared_ptr<const KeySet> set;
    std::uint64_t generation = 0;
  };
  Keys current_keys() const;
  void look_at_file(engine::UnixMs now) const;
  bool reload() const;  // with file_mutex_

  JwtOptions options_;
  mutable std::mutex file_mutex_;
  mutable WatchedFile file_;
  mutable std::string fault_;  // of the last reading
  mutable std::atomic<engine::UnixMs> looked_at_{0};
  mutable std::mutex keys_mutex_;
  mutable Keys keys_;
  mutable std::atomic<std::uint64_t> generation_{0};  // of keys_; read without the lock
  mutable TokenCache cache_;
};

}  // namespace revoked::net
