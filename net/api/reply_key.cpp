#include "net/api/reply_key.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <stdexcept>

#include "engine/base/random.hpp"
#include "engine/model/ids.hpp"
#include "engine/model/position.hpp"
#include "net/auth/openssl.hpp"

namespace revoked::net {
namespace {

using engine::Digest;

constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

void succeed(int result) {
  if (result != 1) throw std::runtime_error("AES-256-GCM failed");
}

Digest hmac(const Digest& key, std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto part : parts) {
    engine::append_number(all, part.size());
    all.append(":").append(part);
  }
  Digest digest;
  const bool done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                         bytes_of(std::string_view(all)), all.size(), digest.data(), nullptr) != nullptr;
  wipe(all);
  if (!done) throw std::runtime_error("HMAC-SHA-256 failed");
  return digest;
}

const Digest& salt() {
  static const Digest drawn = [] {
    Digest bytes;
    engine::random_bytes(bytes.data(), bytes.size());
    return bytes;
  }();
  return drawn;
}

}  // namespace

void wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

Digest salted_digest(std::initializer_list<std::string_view> parts) { return hmac(salt(), parts); }

ReplyKey::ReplyKey(std::string_view credential, std::string_view idempotency_key)
    : key_(hmac(salt(), {"reply", credential, idempotency_key})) {}

ReplyKey::~ReplyKey() { OPENSSL_cleanse(key_.data(), key_.size()); }

Digest ReplyKey::digest_of(std::initializer_list<std::string_view> parts) const { return hmac(key_, parts); }

std::string ReplyKey::seal(std::string_view text, const Digest& bound_to) const {
  std::string sealed(nonce_bytes + text.size() + tag_bytes, '\0');
  engine::random_bytes(sealed.data(), nonce_bytes);
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  auto* const out = bytes_of(sealed);
  int size = 0;
  succeed(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), out));
  succeed(
      EVP_EncryptUpdate(context.get(), nullptr, &size, bound_to.data(), static_cast<int>(bound_to.size())));
  succeed(EVP_EncryptUpdate(context.get(), out + nonce_bytes, &size, bytes_of(text),
                            static_cast<int>(text.size())));
  succeed(EVP_EncryptFinal_ex(context.get(), out + nonce_bytes + size, &size));
  succeed(
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, out + sealed.size() - tag_bytes));
  return sealed;
}

std::optional<std::string> ReplyKey::open(std::string_view sealed, const Digest& bound_to) const {
  if (sealed.size() < nonce_bytes + tag_bytes) return {};
  std::string text(sealed.size() - nonce_bytes - tag_bytes, '\0');
  std::string tag(sealed.substr(sealed.size() - tag_bytes));
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  succeed(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), bytes_of(sealed)));
  succeed(
      EVP_DecryptUpdate(context.get(), nullptr, &size, bound_to.data(), static_cast<int>(bound_to.size())));
  succeed(EVP_DecryptUpdate(context.get(), bytes_of(text), &size, bytes_of(sealed.substr(nonce_bytes)),
                            static_cast<int>(text.size())));
  succeed(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, bytes_of(tag)));
  if (EVP_DecryptFinal_ex(context.get(), bytes_of(text) + text.size(), &size) != 1) return {};
  return text;
}

}  // namespace revoked::net
