#include "cache/keyed_hash.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace revoked::cache {
namespace {

__extension__ typedef unsigned __int128 Wide;

}  // namespace

KeyedHash::KeyedHash() {
  std::random_device device;
  seed_ = (std::uint64_t{device()} << 32) | device();
}

std::uint64_t KeyedHash::operator()(std::string_view text, std::uint64_t kind) const {
  std::uint64_t state = seed_ ^ (kind * 0x9e3779b97f4a7c15u) ^ text.size();
  const auto mix = [this, &state](std::uint64_t word) {
    const auto product = static_cast<Wide>(state ^ word) * 0xd6e8feb86659fd93u;
    state = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ seed_;
  };
  while (!text.empty()) {
    std::uint64_t word = 0;
    const auto size = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), size);
    mix(word);
    text.remove_prefix(size);
  }
  mix(seed_);
  return state;
}

}  // namespace revoked::cache
