#include "cache/edge/near_cache_hashes.hpp"

#include <algorithm>
#include <bit>

namespace revoked::cache {
namespace {

std::uint64_t hash_owner(Scope scope, std::string_view id) {
  return id.empty() ? 0 : engine::keyed_hash(id, 1 + static_cast<std::uint64_t>(scope)) | 1;
}

}  // namespace

OwnerHashes hash_owners(const Ids& ids) {
  return {hash_owner(Scope::user, ids[1]), hash_owner(Scope::application, ids[2]),
          hash_owner(Scope::workspace, ids[3])};
}

std::uint64_t hash_together(const OwnerHashes& owners) {
  return engine::keyed_hash({owners[0] + std::rotl(owners[1], 21), owners[2] + owners[1]});
}

EventOwners::EventOwners(const Invalidation& event) : owners{} {
  for (const auto scope : engine::all_scopes) {
    const auto at = static_cast<std::size_t>(scope);
    owners[at] =
        hash_owner(scope, scope == event.scope ? std::string_view(event.owner_id) : event.within[at]);
  }
  is_joint = std::count(owners.begin(), owners.end(), std::uint64_t{0}) < 2;
  mark = is_joint ? hash_together(owners) : owners[static_cast<std::size_t>(event.scope)];
  rarest = owners[0] != 0 ? owners[0] : owners[1] != 0 ? owners[1] : owners[2];
}

}  // namespace revoked::cache
