#pragma once
// Hashes for tables whose keys callers choose: ids, digests of imported secrets. Keyed with random bits of
// the process, so that callers cannot choose collisions. Must not be stored beyond the process. From any
// thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace revoked::engine {

namespace keyed {
extern const std::array<std::uint64_t, 3> key;  // set before main()
__extension__ typedef unsigned __int128 Wide;
}  // namespace keyed

// Both words, each added to a secret one, multiplied to 128 bits and folded into 64. Two inputs chosen
// without the key have the same product with a probability of at most 2^-64 (the hash NH, used by UMAC: Black
// et al., 1999), and the same folded bits with about that of two random numbers. A multiplication costs less
// than an L1 cache miss.
inline std::uint64_t keyed_hash(const std::array<std::uint64_t, 2>& words) {
  const auto product =
      static_cast<keyed::Wide>(words[0] + keyed::key[0]) * static_cast<keyed::Wide>(words[1] + keyed::key[1]);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Texts of different kinds have different hashes.
std::uint64_t keyed_hash(std::string_view text, std::uint64_t kind = 0);

// For containers of the standard library.
struct KeyedHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return keyed_hash(text); }
  std::size_t operator()(const std::array<std::uint8_t, 32>& digest) const {
    return keyed_hash({reinterpret_cast<const char*>(digest.data()), digest.size()});
  }
};

}  // namespace revoked::engine
