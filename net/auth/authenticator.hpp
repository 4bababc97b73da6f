#pragma once
// Determines who makes a request: a master key, an API key, or the subject of an identity provider's token.
// Thread-safe.

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

// Which kinds of credentials are accepted.
struct CredentialKinds {
  bool master_key = false;
  bool api_key = false;
  bool token = false;
};
inline constexpr CredentialKinds any_kind{true, true, true};

// What a request presents, and as which kinds it may count. Views the request.
struct Presented {
  std::string_view credential;  // empty: none
  CredentialKinds kinds = any_kind;
};

// How a caller was authenticated: enough to check again later, without the credential itself.
struct Evidence {
  engine::ActorKind kind = engine::ActorKind::unknown;  // not authenticated
  engine::Digest digest{};                              // of a master key or an API key
  std::shared_ptr<const Claims> claims;                 // of a token
};

class Authenticator {
 public:
  // Keeps only the digests of the master keys. Accepts no tokens.
  Authenticator(const engine::Engine& engine, const std::vector<std::string>& master_keys);
  // `tokens` may be null: then no token is accepted.
  Authenticator(const engine::Engine& engine, std::unique_ptr<const MasterKeys> master_keys,
                std::unique_ptr<const JwtVerifier> tokens);

  // nullopt if there is no credential, or not a valid one. `evidence`, if given, is set to what the next
  // overload takes.
  std::optional<engine::Principal> authenticate(const Presented& presented,
                                                Evidence* evidence = nullptr) const;
  // The caller as of now; nullopt if the credential is no longer valid.
  std::optional<engine::Principal> authenticate(const Evidence& evidence) const;
  std::optional<engine::Principal> authenticate(const Request& request) const {
    return authenticate(Presented{credential_of(request), any_kind});
  }

 private:
  std::shared_ptr<const Claims> claims_of(std::string_view token) const;  // null: not valid
  std::optional<engine::Principal> holder_of(const engine::Digest& digest) const;

  const engine::Engine& engine_;
  const std::unique_ptr<const MasterKeys> master_keys_;
  const std::unique_ptr<const JwtVerifier> tokens_;
};

}  // namespace revoked::net
