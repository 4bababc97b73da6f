#pragma once
// Who makes this request? A master key, or one of our own API keys, from `Authorization: Bearer …` or `X-API-Key`.
// Thread-safe.

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/policy.hpp"
#include "net/request.hpp"

namespace revoked::net {

// The credential that a request presents; empty if none. Behind "Bearer " (any letter case), or in X-API-Key.
std::string_view credential_of(const Request& request);

class Authenticator {
 public:
  // Keeps only the digests of the master keys.
  Authenticator(const engine::Engine& engine, const std::vector<std::string>& master_keys);

  // Nothing if there is no credential, or not a good one.
  std::optional<engine::Principal> authenticate(const Request& request) const;

 private:
  const engine::Engine& engine_;
  std::vector<engine::Digest> master_digests_;
};

}  // namespace revoked::net
