#pragma once
// For hash tables by digest. With a key of its own: whoever chooses secrets chooses digests.

#include "cache/keyed_hash.hpp"
#include "engine/digest.hpp"

namespace revoked::cache {

struct DigestHash {
  KeyedHash hash;
  std::size_t operator()(const engine::Digest& digest) const {
    return hash({reinterpret_cast<const char*>(digest.data()), digest.size()}, 0);
  }
};

}  // namespace revoked::cache
