#pragma once
// Sets of bytes, as alphabets are written in RFCs. Constant.

#include <array>
#include <string_view>

namespace revoked::engine {

class CharacterSet {
 public:
  constexpr CharacterSet() = default;
  constexpr explicit CharacterSet(std::string_view characters) {
    for (const unsigned char c : characters) has_[c] = true;
  }
  constexpr static CharacterSet range(int first, int last) {
    CharacterSet set;
    for (int c = first; c <= last; ++c) set.has_[static_cast<std::size_t>(c)] = true;
    return set;
  }

  friend constexpr CharacterSet operator|(CharacterSet a, const CharacterSet& b) {
    for (std::size_t c = 0; c < 256; ++c) a.has_[c] = a.has_[c] || b.has_[c];
    return a;
  }
  friend constexpr CharacterSet operator-(CharacterSet a, const CharacterSet& b) {
    for (std::size_t c = 0; c < 256; ++c) a.has_[c] = a.has_[c] && !b.has_[c];
    return a;
  }

  constexpr bool has(char c) const { return has_[static_cast<unsigned char>(c)]; }
  // Without a branch for each character.
  constexpr bool has_all(std::string_view text) const {
    bool all = true;
    for (const char c : text) all &= has(c);
    return all;
  }

 private:
  std::array<bool, 256> has_{};
};

inline constexpr auto digits = CharacterSet::range('0', '9');
inline constexpr auto lower_case_letters = CharacterSet::range('a', 'z');
inline constexpr auto letters_and_digits = digits | lower_case_letters | CharacterSet::range('A', 'Z');
inline constexpr auto lower_case_hex_digits = digits | CharacterSet::range('a', 'f');
inline constexpr auto hex_digits = lower_case_hex_digits | CharacterSet::range('A', 'F');

}  // namespace revoked::engine
