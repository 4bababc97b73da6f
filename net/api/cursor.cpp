#include "net/api/cursor.hpp"

#include <array>
#include <stdexcept>

#include "engine/base/base64url.hpp"
#include "engine/base/random.hpp"
#include "engine/model/ids.hpp"
#include "net/auth/openssl.hpp"

namespace revoked::net {
namespace {

// AES-256-GCM (NIST SP 800-38D). Nonces are random: a process would have to make billions of cursors before
// two collide, and a counter would reveal to each caller how many cursors others get.
constexpr int nonce_size = 12;
constexpr int tag_size = 16;
constexpr int text_size = 1 + max_place_size;  // the place's length, the place, zeros
constexpr std::size_t sealed_size = nonce_size + text_size + tag_size;

using Bytes = std::array<unsigned char, sealed_size>;  // nonce, text, tag

const unsigned char* key() {
  static const auto drawn = [] {
    std::array<unsigned char, 32> bytes;
    engine::random_bytes(bytes.data(), bytes.size());
    return bytes;
  }();
  return drawn.data();
}

bool encrypt(Bytes& bytes) {
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  auto* const text = bytes.data() + nonce_size;
  int written = 0;
  return context && EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key(), bytes.data()) == 1 &&
         EVP_EncryptUpdate(context.get(), text, &written, text, text_size) == 1 && written == text_size &&
         EVP_EncryptFinal_ex(context.get(), text + text_size, &written) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_size, text + text_size) == 1;
}

bool decrypt(Bytes& bytes) {
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  auto* const text = bytes.data() + nonce_size;
  std::array<unsigned char, tag_size> rest;
  int written = 0;
  return context && EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key(), bytes.data()) == 1 &&
         EVP_DecryptUpdate(context.get(), text, &written, text, text_size) == 1 && written == text_size &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_size, text + text_size) == 1 &&
         EVP_DecryptFinal_ex(context.get(), rest.data(), &written) == 1;
}

}  // namespace

std::string seal_cursor(std::string_view place) {
  if (place.size() > max_place_size) throw std::length_error("the place is too long for a cursor");
  Bytes bytes{};
  engine::random_bytes(bytes.data(), nonce_size);
  bytes[nonce_size] = static_cast<unsigned char>(place.size());
  std::copy(place.begin(), place.end(), bytes.begin() + nonce_size + 1);
  if (!encrypt(bytes)) throw std::runtime_error("AES-256-GCM failed");
  return engine::encode_base64url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::optional<std::string> open_cursor(std::string_view cursor) {
  if (cursor.size() > 2 * sealed_size) return {};
  const auto decoded = engine::decode_base64url(cursor);
  if (!decoded || decoded->size() != sealed_size) return {};
  Bytes bytes;
  std::copy(decoded->begin(), decoded->end(), bytes.begin());
  if (!decrypt(bytes)) return {};
  const auto* const place = reinterpret_cast<const char*>(bytes.data()) + nonce_size + 1;
  return std::string(place, bytes[nonce_size]);
}

}  // namespace revoked::net
