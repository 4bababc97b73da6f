#pragma once
// Signed tokens of an identity provider as credentials: JWT (RFC 7519) in JWS compact form (RFC 7515, section
// 7.1), by the best current practices of RFC 8725. All keys are from a JWKS file.
//
// The token selects a key by "kid", which is only compared, and the key dictates the algorithm. Accepted are
// HS256, RS256, PS256, ES256 and EdDSA.

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/base/mutex.hpp"
#include "net/auth/jwks.hpp"
#include "net/auth/jwt_claims.hpp"
#include "net/auth/token_cache.hpp"
#include "net/http/watched_file.hpp"

namespace revoked::net {

inline constexpr std::size_t max_token_bytes = 8 * 1024;
inline constexpr std::size_t max_token_header_bytes = 1024;  // in base64url

// Whether it has three parts separated by two dots. Does not mean that it is valid; an imported secret may
// look the same.
bool looks_like_jwt(std::string_view credential);

// The result of reading the key file, for the log. Holds nothing of the keys themselves.
struct JwksReport {
  std::string_view path;
  bool is_good = false;     // false: the previous keys stay in use
  std::string_view reason;  // why it is not good
  std::size_t keys = 0;
  std::size_t passed_over = 0;
  std::span<const std::string> skipped;  // entries that cannot be used: which and why
};

struct JwtOptions {
  std::string jwks_file;
  ClaimRules rules;
  // Called after the first reading, then whenever the file changes, and once when it becomes unreadable; from
  // a thread that verifies, one at a time. Must not call the verifier.
  std::function<void(const JwksReport&)> on_jwks;
};

// Thread-safe. Verifying costs a signature check, or, for a token verified within the last minute, a hash and
// a look-up.
//
// The file is checked at most once a second, by a thread that verifies; replace it by renaming. Removing a
// key from it ends the tokens of that key, cached ones too, at the first verify a second later, whatever else
// is in the file (see jwks.hpp). While the file is not JSON or missing, the previous keys stay in use. An
// empty set is neither: it ends every token.
class JwtVerifier {
 public:
  // Throws std::runtime_error if the file cannot be read, or has entries but no usable one;
  // std::invalid_argument if the leeway is not within 0 to max_leeway_s.
  explicit JwtVerifier(JwtOptions options);

  // The claims of a token that is valid at `now`; shared with the caller. errc::refused for any other; `why`,
  // if given, is then set to a static text for the log, not for the bearer.
  engine::result<std::shared_ptr<const Claims>> verify(std::string_view token, engine::UnixMs now,
                                                       std::string_view* why = nullptr) const;

  // Whether a token with these claims, which was valid before, is valid at `now`: it has not expired, and its
  // key is still in the set. Costs no signature check.
  bool is_still_good(const Claims& claims, engine::UnixMs now) const;

  std::size_t cached() const { return cache_.size(); }

 private:
  struct Keys {
    std::shared_ptr<const KeySet> set;
    std::uint64_t generation = 0;
  };
  Keys current_keys() const;
  void look_at_file(engine::UnixMs now) const;
  bool reload() const REVOKED_REQUIRES(file_mutex_);

  JwtOptions options_;
  mutable engine::Mutex<1> file_mutex_;
  mutable WatchedFile file_ REVOKED_GUARDED_BY(file_mutex_);
  mutable std::string fault_ REVOKED_GUARDED_BY(file_mutex_);  // of the last reading
  mutable std::atomic<engine::UnixMs> looked_at_{0};
  mutable engine::Mutex<2> keys_mutex_;
  mutable Keys keys_ REVOKED_GUARDED_BY(keys_mutex_);
  mutable std::atomic<std::uint64_t> generation_{0};  // of keys_; read without the lock
  mutable TokenCache cache_;
};

}  // namespace revoked::net
