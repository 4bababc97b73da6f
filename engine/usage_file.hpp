#pragma once
// The file that keeps, from one start to the next, what the journal does not have of the use of keys: when
// each was last used, and attempts that were denied since the last event about them. Its loss loses that, and
// nothing else: every key then counts as used when the engine started.
//
// File, little endian: a header, then blocks as in a checkpoint (checkpoint_file.hpp). They contain, for each
// secret that was used, the sequence that issued it and the minute, and then the denied uses.

#include <functional>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/denied_uses.hpp"
#include "engine/model/event.hpp"
#include "engine/tables/key_table.hpp"
#include "engine/tables/last_uses.hpp"

namespace revoked::engine {

struct KeptUsage {
  UnixMs since = 0;  // when recording began
  std::vector<DeniedUses::Key> denied;
};

// Writes a new file beside `path`, syncs it, and renames it to `path`. `epoch` is the current one. Returns
// its size in bytes. errc::not_ready: `go_on` returned false.
result<std::uint64_t> write_usage_file(const std::string& path, const EpochStart& epoch, const KeyTable& keys,
                                       const LastUses& last_uses, const KeptUsage& kept,
                                       const std::function<bool()>& go_on);

// Reads the uses of the keys in the table into `last_uses`. errc::not_found if there is no file, it is
// damaged, or of an epoch that is not `is_ours`.
result<KeptUsage> read_usage_file(const std::string& path,
                                  const std::function<bool(const EpochStart&)>& is_ours, const KeyTable& keys,
                                  LastUses& last_uses);

}  // namespace revoked::engine
