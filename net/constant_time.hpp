#pragma once
// Compares secrets, or what stands for them, without telling by the time it takes where they differ.

#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/digest.hpp"

namespace revoked::net {

// The time depends on the sizes alone. Eight bytes at a time: callers do this with every request.
inline bool is_same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  std::uint64_t difference = 0;
  for (; a.size() >= 8; a.remove_prefix(8), b.remove_prefix(8)) {
    std::uint64_t words[2];
    std::memcpy(&words[0], a.data(), 8);
    std::memcpy(&words[1], b.data(), 8);
    difference |= words[0] ^ words[1];
  }
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  __asm__ volatile("" : "+r"(difference));  // nor may the compiler end early on what it knows of it
  return difference == 0;
}

inline bool is_same_secret(const engine::Digest& a, const engine::Digest& b) {
  return is_same_secret(std::string_view(reinterpret_cast<const char*>(a.data()), a.size()),
                        std::string_view(reinterpret_cast<const char*>(b.data()), b.size()));
}

}  // namespace revoked::net
