#pragma once
// The ids and secrets of keys removed from the tables: a Bloom filter (Bloom, 1970) with all bits of an entry
// in one cache line (Putze, Sanders, Singler: Cache-, hash- and space-efficient Bloom filters, 2007). About
// one false positive in a hundred look-ups, no false negatives. It grows by layers, each twice as large as
// the one before: 12 bits an entry, and up to 12 more while a layer fills.
//
// `add` by the holder of the journal's turn (or while loading); `may_have` from any thread.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "engine/base/huge_pages.hpp"

namespace revoked::engine {

enum class Forgotten : std::uint8_t { id = 1, secret = 2 };  // a secret: the head of its digest

class ForgottenFilter {
 public:
  ForgottenFilter();
  bool may_have(Forgotten kind, std::string_view text) const {
    return layers_.load(std::memory_order_acquire) != 0 && look(kind, text);
  }
  void add(Forgotten kind, std::string_view text);
  std::size_t memory_bytes() const;  // for tests

  // For checkpoints: a copy that may include entries added meanwhile.
  struct Header {
    std::uint64_t seed = 0;  // secret: a caller that chooses ids cannot choose collisions
    std::uint64_t layers = 0;
    std::uint64_t entries = 0;  // in the last layer
  };
  Header header() const;
  static std::uint64_t layer_bytes(std::uint64_t layer) { return first_layer_bytes << layer; }
  void for_each_layer(std::uint64_t layers, const std::function<void(std::string_view)>& visit) const;
  // Creates the layers, to be filled in. False: the header is invalid.
  bool restore(const Header& header);
  std::span<char> layer(std::uint64_t i);

 private:
  static constexpr std::uint64_t first_layer_bytes = std::uint64_t{1} << 20;
  static constexpr std::uint64_t bits_an_entry = 12;
  static constexpr std::size_t max_layers = 16;
  static constexpr std::size_t words_a_block = 8;
  using Word = std::atomic<std::uint64_t>;
  struct Bits {
    std::uint64_t block;
    std::uint64_t which;
  };

  Bits bits_of(Forgotten kind, std::string_view text) const;
  bool look(Forgotten kind, std::string_view text) const;
  Word* block_of(std::size_t layer, std::uint64_t hash) const;
  void add_layer();

  std::uint64_t seed_;
  std::uint64_t entries_ = 0;
  std::atomic<std::size_t> layers_{0};
  std::array<HugePages, max_layers> memory_;
};

}  // namespace revoked::engine
