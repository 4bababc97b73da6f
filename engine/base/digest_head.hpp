#pragma once
// The first 128 bits of a digest, by which tables and near caches find a key: to find a secret that collides
// with one of 2^32 keys still takes 2^96 tries. A key whose digest begins like that of another key is refused
// at creation.

#include <array>
#include <cstdint>
#include <cstring>

#include "engine/base/digest.hpp"
#include "engine/base/keyed_hash.hpp"

namespace revoked::engine {

struct DigestHead {
  DigestHead() = default;
  explicit DigestHead(const std::array<std::uint64_t, 2>& from) : words(from) {}
  explicit DigestHead(const Digest& digest) { std::memcpy(words.data(), digest.data(), sizeof words); }
  // Keyed, since clients choose what they send.
  std::uint64_t hash() const { return keyed_hash(words); }
  // Word by word, not by memcmp(): a 16-byte load would stall until both 8-byte stores before it are done.
  bool operator==(const DigestHead& other) const {
    return ((words[0] ^ other.words[0]) | (words[1] ^ other.words[1])) == 0;
  }
  std::array<std::uint64_t, 2> words{};
};

}  // namespace revoked::engine
