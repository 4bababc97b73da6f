#include "engine/base/digest.hpp"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <stdexcept>

#include "engine/base/base64url.hpp"
#include "engine/base/hex.hpp"

namespace revoked::engine {
namespace {

// Fetched once: fetching the algorithm costs more than hashing a short text.
const EVP_MD* algorithm() {
  static EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

}  // namespace

std::string to_hex(const Digest& digest) {
  std::string text;
  text.reserve(64);
  hex::append(text, digest);
  return text;
}

std::optional<Digest> digest_from_hex(std::string_view text) {
  if (text.size() != 64) return {};
  Digest digest;
  if ((hex::decode(text.data(), digest.size(), digest.data()) & hex::no_digit) != 0) return {};
  return digest;
}

std::optional<Digest> digest_from_text(std::string_view text) {
  if (text.size() == 64) return digest_from_hex(text);
  const auto bytes = decode_base64(text);
  Digest digest;
  if (!bytes || bytes->size() != digest.size()) return {};
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

// OpenSSL's older interface, without contexts on the heap and without providers: those take as long as
// hashing a secret, which every check does.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
Digest sha256(std::string_view bytes) {
  Digest digest;
  SHA256_CTX context;
  if (SHA256_Init(&context) != 1 || SHA256_Update(&context, bytes.data(), bytes.size()) != 1 ||
      SHA256_Final(digest.data(), &context) != 1)
    throw std::runtime_error("SHA-256 failed");
  return digest;
}
#pragma GCC diagnostic pop

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
