// Keys by their expiry. See engine.hpp.

#include <algorithm>

#include "engine/engine.hpp"

namespace revoked::engine {

bool Engine::scan_expiries(ExpiryScan& scan, const ExpiryVisitor& visit) const {
  if (!started()) return false;
  const ReadSection section;
  const auto through = durable();
  const auto size = static_cast<Slot>(tables_.keys.complete_size());
  const auto end = std::min(size, scan.next + max_expiry_look_at);
  std::string key_id;
  for (; scan.next < end; ++scan.next) {
    const KeyRecord& key = tables_.keys[scan.next];
    const auto at = key.expires_at();  // 0, and so in no range: also of one that is revoked or removed
    for (std::size_t i = 0; i < scan.ranges.size(); ++i) {
      if (at < scan.ranges[i].from || at > scan.ranges[i].through) continue;
      if (key.is_superseded() || key.created > through || tables_.revoked_by(key) != 0) break;
      key_id.clear();
      tables_.keys.append_id(scan.next, key_id);
      visit(i, at, key_id);
    }
  }
  return scan.next < size;
}

}  // namespace revoked::engine
