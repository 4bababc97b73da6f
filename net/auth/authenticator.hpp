#pragma once
// Who makes this request? A master key, one of our own API keys, or the subject of an identity provider's
// token. Thread-safe.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/model/policy.hpp"
#include "net/auth/jwt.hpp"
#include "net/auth/master_keys.hpp"
#include "net/http/request.hpp"

namespace revoked::net {

// Which credentials are good for something.
struct CredentialKinds {
  bool master_key = false;
  bool api_key = false;
  bool token = false;
};
inline constexpr CredentialKinds any_kind{true, true, true};

// What a request presents, and as what it may count. Views the request.
struct Presented {
  std::string_view credential;  // empty: none
  CredentialKinds kinds = any_kind;
};

// What a caller was known by: enough to ask again later, and never the credential itself.
struct Evidence {
  engine::ActorKind kind = engine::ActorKind::unknown;  // nobody
  engine::Digest digest{};                              // of a master key or of a key of ours
  std::shared_ptr<const Claims> claims;                 // of a token
};

class Authenticator {
 public:
  // Keeps only the digests of the master keys. No tokens.
  Authenticator(const engine::Engine& engine, const std::vector<std::string>& master_keys);
  // `tokens` may be null: then no token is good.
  Authenticator(const engine::Engine& engine, std::unique_ptr<const MasterKeys> master_keys,
                std::unique_ptr<const JwtVerifier> tokens);

  // Nothing if there is no credential, or not a good one. `evidence`, if given, then becomes what to ask
  // again with.
  std::optional<engine::Principal> authenticate(const Presented& presented,
                                                Evidence* evidence = nullptr) const;
  // Who that is now. Nothing if it is no longer good.
  std::optional<engine::Principal> authenticate(const Evidence& evidence) const;
  std::optional<engine::Principal> authenticate(const Request& request) const {
    return authenticate(Presented{credential_of(request), any_kind});
  }

 private:
  std::shared_ptr<const Claims> claims_of(std::string_view token) const;  // null: not good
  std::optional<engine::Principal> holder_of(const engine::Digest& digest) const;

  const engine::Engine& engine_;
  const std::unique_ptr<const MasterKeys> master_keys_;
  const std::unique_ptr<const JwtVerifier> tokens_;
};

}  // namespace revoked::net
