#pragma once
// What an engine knows of a position that somebody else names.

#include <optional>

#include "cache/feed/reached_times.hpp"

namespace revoked::cache {

struct PublishedPosition {
  // It is one of this engine's journal, in its epoch, and published. Otherwise it proves nothing.
  bool is_ours = false;
  std::optional<ReachedTimes::Span> at{};  // empty: before this process, or not known any more
};

}  // namespace revoked::cache
