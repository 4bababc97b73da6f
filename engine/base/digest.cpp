#include "engine/base/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <stdexcept>

#include "engine/base/hex.hpp"

namespace revoked::engine {
namespace {

// Fetched once: fetching the algorithm costs more than hashing a short secret.
const EVP_MD* algorithm() {
  static EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

}  // namespace

std::string to_hex(const Digest& digest) {
  std::string text;
  text.reserve(64);
  for (const auto byte : digest) {
    text.push_back("0123456789abcdef"[byte >> 4]);
    text.push_back("0123456789abcdef"[byte & 15]);
  }
  return text;
}

std::optional<Digest> digest_from_hex(std::string_view text) {
  if (text.size() != 64) return {};
  Digest digest;
  if ((hex::decode(text.data(), digest.size(), digest.data()) & hex::no_digit) != 0) return {};
  return digest;
}

namespace {

constexpr std::uint8_t no_sextet = 64;

constexpr std::uint8_t sextet_of(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint8_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint8_t>(c - 'a' + 26);
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0' + 52);
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return no_sextet;
}

}  // namespace

std::optional<Digest> digest_from_text(std::string_view text) {
  if (text.size() == 64) return digest_from_hex(text);
  constexpr std::size_t sextets = 43;
  if (text.size() == sextets + 1 && text.back() == '=') text.remove_suffix(1);
  if (text.size() != sextets) return {};
  Digest digest;
  std::uint32_t bits = 0;
  std::size_t at = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto sextet = sextet_of(c);
    if (sextet == no_sextet) return {};
    bits = bits << 6 | sextet;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    digest[at++] = static_cast<std::uint8_t>(bits >> count);
  }
  if ((bits & 3) != 0) return {};  // spare bits: one text per digest
  return digest;
}

Digest sha256(std::string_view bytes) {
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                                     &EVP_MD_CTX_free);
  Digest digest;
  if (EVP_DigestInit_ex2(context.get(), algorithm(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 failed");
  }
  return digest;
}

bool equal_in_constant_time(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  Digest digest;
  if (!HMAC(algorithm(), key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(), nullptr)) {
    throw std::runtime_error("HMAC-SHA-256 failed");
  }
  return digest;
}

Digest Digester::of_sha256(const Digest& secret_sha256) const {
  if (pepper_.empty()) return secret_sha256;
  return hmac_sha256(pepper_, {reinterpret_cast<const char*>(secret_sha256.data()), secret_sha256.size()});
}

}  // namespace revoked::engine
