#pragma once
// The checkpoint of one engine as the first one of another that shares its journal: a copy of the file, in
// pieces. The checkpoint has sums of its own, and says which journal it is of (checkpoint.hpp).

#include <memory>
#include <string>

#include "engine/log/backup.hpp"

namespace revoked::engine {

// errc::not_found if there is none, or one of another version. It stays as it is while the engine makes the
// next one.
result<std::unique_ptr<Backup>> copy_checkpoint(const std::string& file);

}  // namespace revoked::engine
