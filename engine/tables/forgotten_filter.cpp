#include "engine/tables/forgotten_filter.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/base/random.hpp"

namespace revoked::engine {
namespace {

constexpr int bits_set = 7;
constexpr int bits_a_place = 9;  // a bit number in a block of 512

// Calls visit(word, mask) for each bit.
template <class Visit>
void for_each_bit(std::uint64_t which, Visit&& visit) {
  for (int i = 0; i < bits_set; ++i, which >>= bits_a_place)
    visit(which >> 6 & 7, std::uint64_t{1} << (which & 63));
}

}  // namespace

ForgottenFilter::ForgottenFilter() { random_bytes(&seed_, sizeof seed_); }

ForgottenFilter::Bits ForgottenFilter::bits_of(Forgotten kind, std::string_view text) const {
  const auto hash = XXH3_128bits_withSeed(text.data(), text.size(), seed_ + static_cast<std::uint64_t>(kind));
  return {hash.low64, hash.high64};
}

ForgottenFilter::Word* ForgottenFilter::block_of(std::size_t layer, std::uint64_t hash) const {
  const auto blocks = layer_bytes(layer) / (words_a_block * sizeof(Word));
  return static_cast<Word*>(memory_[layer].data()) + (hash & (blocks - 1)) * words_a_block;
}

bool ForgottenFilter::look(Forgotten kind, std::string_view text) const {
  const auto [hash, which] = bits_of(kind, text);
  // Newest first: it is the largest.
  for (auto layer = layers_.load(std::memory_order_acquire); layer-- != 0;) {
    const Word* const block = block_of(layer, hash);
    bool all = true;
    for_each_bit(which, [&](std::uint64_t word, std::uint64_t mask) {
      all = all && (block[word].load(std::memory_order_relaxed) & mask) != 0;
    });
    if (all) return true;
  }
  return false;
}

void ForgottenFilter::add(Forgotten kind, std::string_view text) {
  if (may_have(kind, text)) return;
  const auto layers = layers_.load(std::memory_order_relaxed);
  if (layers == 0 || (entries_ >= layer_bytes(layers - 1) * 8 / bits_an_entry && layers < max_layers))
    add_layer();
  const auto [hash, which] = bits_of(kind, text);
  Word* const block = block_of(layers_.load(std::memory_order_relaxed) - 1, hash);
  for_each_bit(which, [&](std::uint64_t word, std::uint64_t mask) {
    block[word].fetch_or(mask, std::memory_order_relaxed);
  });
  ++entries_;
}

void ForgottenFilter::add_layer() {
  const auto layers = layers_.load(std::memory_order_relaxed);
  memory_[layers] = HugePages(layer_bytes(layers));
  entries_ = 0;
  layers_.store(layers + 1, std::memory_order_release);
}

std::size_t ForgottenFilter::memory_bytes() const {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < layers_.load(std::memory_order_acquire); ++i) bytes += layer_bytes(i);
  return bytes;
}

ForgottenFilter::Header ForgottenFilter::header() const {
  return {seed_, layers_.load(std::memory_order_relaxed), entries_};
}

void ForgottenFilter::for_each_layer(std::uint64_t layers,
                                     const std::function<void(std::string_view)>& visit) const {
  constexpr std::size_t piece_words = 8192;
  std::array<std::uint64_t, piece_words> piece;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const auto* const words = static_cast<const Word*>(memory_[layer].data());
    for (std::size_t at = 0; at < layer_bytes(layer) / sizeof(Word); at += piece_words) {
      for (std::size_t i = 0; i < piece_words; ++i) piece[i] = words[at + i].load(std::memory_order_relaxed);
      visit({reinterpret_cast<const char*>(piece.data()), sizeof piece});
    }
  }
}

bool ForgottenFilter::restore(const Header& header) {
  if (header.layers > max_layers) return false;
  for (std::uint64_t i = 0; i < header.layers; ++i) add_layer();
  seed_ = header.seed;
  entries_ = header.entries;
  return true;
}

std::span<char> ForgottenFilter::layer(std::uint64_t i) {
  return {static_cast<char*>(memory_[i].data()), layer_bytes(i)};
}

}  // namespace revoked::engine
