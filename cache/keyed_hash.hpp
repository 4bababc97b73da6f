#pragma once
// A hash of ids with a key of its own, so that nobody outside can choose ids that collide. Immutable, so
// usable from any thread.

#include <cstdint>
#include <string_view>

namespace revoked::cache {

class KeyedHash {
 public:
  KeyedHash();  // a random key
  // Texts of different kinds hash differently.
  std::uint64_t operator()(std::string_view text, std::uint64_t kind) const;

 private:
  std::uint64_t seed_;
};

}  // namespace revoked::cache
