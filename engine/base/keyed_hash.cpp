#include "engine/base/keyed_hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/base/random.hpp"

namespace revoked::engine {
namespace {

std::array<std::uint64_t, 3> draw() {
  std::array<std::uint64_t, 3> words;
  random_bytes(words.data(), sizeof words);
  return words;
}

}  // namespace

const std::array<std::uint64_t, 3> keyed::key = draw();

std::uint64_t keyed_hash(std::string_view text, std::uint64_t kind) {
  return XXH3_64bits_withSeed(text.data(), text.size(), keyed::key[2] + kind * 0x9e3779b97f4a7c15u);
}

}  // namespace revoked::engine
