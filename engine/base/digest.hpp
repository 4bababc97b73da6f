#pragma once
// The digest stored instead of a secret: its SHA-256, or HMAC-SHA-256 over that if a pepper is configured. So
// a secret of which only the SHA-256 is known can be imported with a pepper, too. Secrets have more than 230
// random bits, so a slow password hash would add nothing.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace revoked::engine {

using Digest = std::array<std::uint8_t, 32>;

// Its bytes, valid as long as it.
inline std::string_view octets_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string to_hex(const Digest& digest);
std::optional<Digest> digest_from_hex(std::string_view text);  // 64 hexadecimal digits of either case
// The same, or 32 bytes in base64, in either alphabet, with padding or without (RFC 4648, sections 4 and 5).
std::optional<Digest> digest_from_text(std::string_view text);

Digest sha256(std::string_view bytes);
Digest hmac_sha256(std::string_view key, std::string_view bytes);

// Compares in constant time.
bool equal_in_constant_time(const Digest& a, const Digest& b);
bool equal_in_constant_time(std::string_view a, std::string_view b);  // of equal size

// Immutable; usable from any thread.
class Digester {
 public:
  explicit Digester(std::string pepper = {}) : pepper_(std::move(pepper)) {}
  Digest operator()(std::string_view secret) const { return of_sha256(sha256(secret)); }
  Digest of_sha256(const Digest& secret_sha256) const;

 private:
  std::string pepper_;
};

}  // namespace revoked::engine
