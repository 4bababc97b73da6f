#include "net/api/reply_key.hpp"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <stdexcept>

#include "engine/base/random.hpp"
#include "engine/model/position.hpp"
#include "net/api/aead.hpp"
#include "net/auth/openssl.hpp"

namespace revoked::net {
namespace {

using engine::Digest;

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

Digest& salt() {
  static Digest drawn = [] {
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

void set_common_salt(std::string_view secret) { salt() = hmac({}, {"replies", secret}); }

Digest salted_digest(std::initializer_list<std::string_view> parts) { return hmac(salt(), parts); }

ReplyKey::ReplyKey(std::string_view credential, std::string_view idempotency_key)
    : key_(hmac(salt(), {"reply", credential, idempotency_key})) {}

ReplyKey::~ReplyKey() { OPENSSL_cleanse(key_.data(), key_.size()); }

Digest ReplyKey::digest_of(std::initializer_list<std::string_view> parts) const { return hmac(key_, parts); }

std::string ReplyKey::seal(std::string_view text, const Digest& bound_to) const {
  return aead_seal(key_, text, engine::octets_of(bound_to));
}

std::optional<std::string> ReplyKey::open(std::string_view sealed, const Digest& bound_to) const {
  return aead_open(key_, sealed, engine::octets_of(bound_to));
}

}  // namespace revoked::net
