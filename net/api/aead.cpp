#include "net/api/aead.hpp"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

#include "engine/base/random.hpp"
#include "net/auth/openssl.hpp"

namespace revoked::net {
namespace {

constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = aead_overhead - nonce_size;

void require(bool done) {
  if (!done) throw std::runtime_error("AES-256-GCM failed");
}

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

enum class Direction { decrypt, encrypt };  // as OpenSSL numbers them

// One use of the cipher: begin with the nonce, then associated data, then the text.
class Cipher {
 public:
  Cipher(Direction direction, const AeadKey& key, const unsigned char* nonce)
      : context_(EVP_CIPHER_CTX_new()) {
    require(context_ && EVP_CipherInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce,
                                          static_cast<int>(direction)) == 1);
  }

  // Null `out`: `in` is associated data.
  void update(unsigned char* out, std::string_view in) {
    int written = 0;
    require(in.empty() ||
            EVP_CipherUpdate(context_.get(), out, &written, bytes_of(in), static_cast<int>(in.size())) == 1);
  }

  // False: decrypted, and the tag is wrong.
  bool finish() {
    unsigned char none;  // GCM leaves nothing to write
    int written = 0;
    return EVP_CipherFinal_ex(context_.get(), &none, &written) == 1;
  }

  void control(int command, unsigned char* tag) {
    require(EVP_CIPHER_CTX_ctrl(context_.get(), command, tag_size, tag) == 1);
  }

 private:
  std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context_;
};

}  // namespace

std::string aead_seal(const AeadKey& key, std::string_view text, std::string_view associated) {
  std::string sealed(text.size() + aead_overhead, '\0');
  auto* const nonce = bytes_of(sealed);
  engine::random_bytes(nonce, nonce_size);
  Cipher cipher(Direction::encrypt, key, nonce);
  cipher.update(nullptr, associated);
  cipher.update(nonce + nonce_size, text);
  require(cipher.finish());
  cipher.control(EVP_CTRL_GCM_GET_TAG, nonce + nonce_size + text.size());
  return sealed;
}

std::optional<std::string> aead_open(const AeadKey& key, std::string_view sealed,
                                     std::string_view associated) {
  if (sealed.size() < aead_overhead) return {};
  std::string text(sealed.size() - aead_overhead, '\0');
  std::string tag(sealed.substr(sealed.size() - tag_size));
  Cipher cipher(Direction::decrypt, key, bytes_of(sealed));
  cipher.update(nullptr, associated);
  cipher.update(bytes_of(text), sealed.substr(nonce_size, text.size()));
  cipher.control(EVP_CTRL_GCM_SET_TAG, bytes_of(tag));
  if (!cipher.finish()) return {};
  return text;
}

}  // namespace revoked::net
