#pragma once
// A decision as the near cache stores it: a small value without heap memory, its ids packed (a UUID in 17
// bytes, any other id in its length plus one). Immutable, usable from any thread.

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "cache/bus/decision.hpp"
#include "cache/bus/message.hpp"

namespace revoked::cache {

// The ids of the key and its owners, packed.
using PackedIds = std::array<std::uint64_t, 9>;
using Ids = std::array<std::string_view, 4>;  // key, then the owners by Scope

// Buffer for an id that is not stored as text.
struct IdBuffer {
  std::array<char, 36> text;
};

bool pack(const Ids& ids, PackedIds& packed);  // false: does not fit
// Returns a view into `packed`, which must be the result of pack(), or into `buffer`.
std::string_view unpack(const PackedIds& packed, std::size_t which, IdBuffer& buffer);

Ids ids_of(const Decision& decision);

class CachedDecision {
 public:
  static constexpr UnixMs never = std::numeric_limits<UnixMs>::max();

  // From the engine's answer.
  explicit CachedDecision(std::shared_ptr<const Decision> whole)
      : state(whole->state),
        as_of(whole->as_of),
        expires_at(whole->expires_at.value_or(never)),
        permissions_(&whole->permissions),
        whole_(std::move(whole)) {}

  // To be filled in by the near cache.
  class Empty {
    friend class NearCache;
    Empty() {}
  };
  explicit CachedDecision(Empty) {}

  Decision::State state;
  Position as_of;
  UnixMs expires_at;  // of an active one; `never` if it does not end

  // Views are valid as long as this and `buffer`.
  std::string_view key_id(IdBuffer& buffer) const { return id(0, buffer); }
  std::string_view owner(Scope scope, IdBuffer& buffer) const {
    return id(1 + static_cast<std::size_t>(scope), buffer);
  }
  // Valid as long as this and the near cache.
  std::string_view permissions() const { return *permissions_; }

 private:
  friend class NearCache;
  std::string_view id(std::size_t which, IdBuffer& buffer) const {
    return whole_ ? ids_of(*whole_)[which] : unpack(ids_, which, buffer);
  }

  PackedIds ids_;  // unless whole_
  const std::string* permissions_;
  std::shared_ptr<const Decision> whole_;
};

}  // namespace revoked::cache
