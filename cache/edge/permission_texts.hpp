#pragma once
// The permission texts of cached decisions, each stored once: keys have few different ones. Texts are never
// freed, so look-ups refer to them without a lock. Bounded: refuses new texts when full, and very long texts.
//
// `intern` by one thread at a time; reading from any thread that received the number through synchronisation.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/base/keyed_hash.hpp"

namespace revoked::cache {

class PermissionTexts {
 public:
  static constexpr std::size_t max_texts = 4096;
  static constexpr std::size_t max_text_size = 2048;

  std::optional<std::uint16_t> intern(std::string_view text) {
    if (const auto known = numbers_.find(text); known != numbers_.end()) return known->second;
    if (numbers_.size() == max_texts || text.size() > max_text_size) return {};
    const auto number = static_cast<std::uint16_t>(numbers_.size());
    texts_[number] = text;
    numbers_.emplace(texts_[number], number);
    return number;
  }
  const std::string& operator[](std::uint16_t number) const { return texts_[number]; }

 private:
  std::unique_ptr<std::string[]> texts_ = std::make_unique<std::string[]>(max_texts);
  std::unordered_map<std::string_view, std::uint16_t, engine::KeyedHash> numbers_;
};

}  // namespace revoked::cache
