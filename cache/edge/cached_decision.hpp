#pragma once
// A decision as the near cache holds it and a gateway answers from it: a small value without memory of its
// own, its ids packed (a UUID in 17 bytes, any other id in its length and one). Immutable, so usable from any
// thread.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cache/bus/message.hpp"

namespace revoked::cache {

// The key's id and its owners', packed.
using PackedIds = std::array<std::uint64_t, 9>;
using Ids = std::array<std::string_view, 4>;  // key, then the owners by Scope

// Where an id's text goes that is not there in one piece.
struct IdBuffer {
  std::array<char, 36> text;
};

bool pack(const Ids& ids, PackedIds& packed);  // false: they do not fit
// A view into `packed`, which must be the result of pack(), or into `buffer`.
std::string_view unpack(const PackedIds& packed, std::size_t which, IdBuffer& buffer);

Ids ids_of(const Decision& decision);

class CachedDecision {
 public:
  // As the engine answered it.
  explicit CachedDecision(std::shared_ptr<const Decision> whole)
      : state(whole->state),
        as_of(whole->as_of),
        permissions_(&whole->permissions),
        whole_(std::move(whole)) {}

  // For the near cache to fill in.
  class Empty {
    friend class NearCache;
    Empty() {}
  };
  explicit CachedDecision(Empty) {}

  Decision::State state;
  Position as_of;

  // Views live as long as this and `buffer`.
  std::string_view key_id(IdBuffer& buffer) const { return id(0, buffer); }
  std::string_view owner(Scope scope, IdBuffer& buffer) const {
    return id(1 + static_cast<std::size_t>(scope), buffer);
  }
  // Lives as long as this and the near cache.
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
