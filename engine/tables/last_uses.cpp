#include "engine/tables/last_uses.hpp"

namespace revoked::engine {

void LastUses::grow(Slot slot) {
  constexpr std::size_t step = std::size_t{1} << 19;  // a huge page
  const MutexLock lock(growing_);
  while (words_.size() <= slot) words_.add_many(step);
}

}  // namespace revoked::engine
