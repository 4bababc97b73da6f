#pragma once
// What a revocation would do, without doing it (?dry_run=true).

#include <span>

#include "net/api/api.hpp"

namespace revoked::net {

Outcome try_revoking_key(Api& api, Call& call, std::string_view key_id);
Outcome try_revoking_secrets(Api& api, Call& call, std::span<const engine::Digest> digests);
Outcome try_revoking_owner(Api& api, Call& call, engine::Scope scope);

}  // namespace revoked::net
