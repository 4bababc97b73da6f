#pragma once
// Hashes for tables whose keys a caller chooses: ids, digests of imported secrets. They have a key that each
// process draws for itself, so that nobody outside can choose entries that meet. Nothing that outlives the
// process may depend on one. From any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace revoked::engine {

namespace keyed {
extern const std::array<std::uint64_t, 3> key;  // drawn before main()
__extension__ typedef unsigned __int128 Wide;
}  // namespace keyed

// Both words, each moved by a secret one, as a product of 128 bits folded into 64. Two inputs that were
// chosen without knowing the key have the same product with a probability of 2^-64 at most (the hash NH, of
// which UMAC is made: Black et al., 1999), and folded the same bits with about that of any two numbers. A
// multiplication costs a look-up less than a miss in the first cache.
inline std::uint64_t keyed_hash(const std::array<std::uint64_t, 2>& words) {
  const auto product =
      static_cast<keyed::Wide>(words[0] + keyed::key[0]) * static_cast<keyed::Wide>(words[1] + keyed::key[1]);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Texts of different kinds hash differently.
std::uint64_t keyed_hash(std::string_view text, std::uint64_t kind = 0);

// For the maps of the standard library.
struct KeyedHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return keyed_hash(text); }
  std::size_t operator()(const std::array<std::uint8_t, 32>& digest) const {
    return keyed_hash({reinterpret_cast<const char*>(digest.data()), digest.size()});
  }
};

}  // namespace revoked::engine
