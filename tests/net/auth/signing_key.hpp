#pragma once
// The counterpart of net/auth: keys that sign, and valid and invalid tokens made with them.

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace revoked::test {

inline std::string base64url(std::string_view bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  unsigned bits = 0;
  int count = 0;
  for (const unsigned char c : bytes) {
    bits = bits << 8 | c;
    for (count += 8; count >= 6; count -= 6) text.push_back(alphabet[bits >> (count - 6) & 63]);
  }
  if (count > 0) text.push_back(alphabet[bits << (6 - count) & 63]);
  return text;
}

class SigningKey {
 public:
  static SigningKey hs256(std::string secret = std::string(32, 's')) {
    return {"HS256", nullptr, std::move(secret)};
  }
  static SigningKey rs256(unsigned bits = 2048) { return {"RS256", EVP_RSA_gen(bits), ""}; }
  static SigningKey ps256(unsigned bits = 2048) { return {"PS256", EVP_RSA_gen(bits), ""}; }
  static SigningKey es256() { return {"ES256", EVP_EC_gen("P-256"), ""}; }
  static SigningKey eddsa() { return {"EdDSA", EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), ""}; }

  // The same key for another algorithm, which is bad practice.
  SigningKey as(std::string alg) const {
    auto copy = *this;
    copy.alg_ = std::move(alg);
    return copy;
  }

  const std::string& alg() const { return alg_; }

  // The public JWK (all of it for HS256). `more` is inserted unchanged, for example `,"use":"sig"`.
  std::string jwk(std::string_view kid, std::string_view more = "") const {
    return R"({"kid":")" + std::string(kid) + R"(","alg":")" + alg_ + "\"" + members() + std::string(more) +
           "}";
  }

  // The members of the key itself: `,"kty":…,…`.
  std::string members() const {
    if (!key_) return R"(,"kty":"oct","k":")" + base64url(secret_) + "\"";
    if (alg_ == "EdDSA") return R"(,"kty":"OKP","crv":"Ed25519","x":")" + base64url(raw_public()) + "\"";
    if (alg_ == "ES256") {
      return R"(,"kty":"EC","crv":"P-256","x":")" + base64url(number(OSSL_PKEY_PARAM_EC_PUB_X, 32)) +
             R"(","y":")" + base64url(number(OSSL_PKEY_PARAM_EC_PUB_Y, 32)) + "\"";
    }
    return R"(,"kty":"RSA","n":")" + base64url(modulus()) + R"(","e":")" +
           base64url(number(OSSL_PKEY_PARAM_RSA_E)) + "\"";
  }

  std::string modulus() const { return number(OSSL_PKEY_PARAM_RSA_N); }

  std::string public_der() const {
    unsigned char* out = nullptr;
    const int size = i2d_PUBKEY(key_.get(), &out);
    std::string der(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
    OPENSSL_free(out);
    return der;
  }

  std::string public_pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PUBKEY(bio.get(), key_.get());
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }

  // As in JWS.
  std::string sign(std::string_view message) const {
    if (!key_) return hmac(secret_, message);
    const auto signature = sign_raw(message);
    return alg_ == "ES256" ? raw_of(signature) : signature;
  }

  // For ES256: DER, as OpenSSL makes it, which JWS does not allow.
  std::string sign_raw(std::string_view message) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_PKEY_CTX* options = nullptr;
    require(EVP_DigestSignInit(context.get(), &options, alg_ == "EdDSA" ? nullptr : EVP_sha256(), nullptr,
                               key_.get()));
    if (alg_ == "PS256") {
      require(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING));
      require(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST));
    }
    const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
    std::size_t size = 0;
    require(EVP_DigestSign(context.get(), nullptr, &size, bytes, message.size()));
    std::string signature(size, '\0');
    require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                           message.size()));
    signature.resize(size);
    return signature;
  }

  // A token with this header and payload, not validated.
  std::string token(std::string_view header, std::string_view payload) const {
    const auto message = base64url(header) + "." + base64url(payload);
    return message + "." + base64url(sign(message));
  }

  static std::string hmac(std::string_view secret, std::string_view message) {
    std::string signature(32, '\0');
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(),
         reinterpret_cast<unsigned char*>(signature.data()), nullptr);
    return signature;
  }

 private:
  SigningKey(std::string alg, EVP_PKEY* key, std::string secret)
      : alg_(std::move(alg)), key_(key, &EVP_PKEY_free), secret_(std::move(secret)) {
    if (key == nullptr) key_.reset();
  }

  static void require(int is_good) {
    if (is_good != 1) throw std::runtime_error("signing failed");
  }

  std::string number(const char* name, int size = 0) const {
    BIGNUM* found = nullptr;
    require(EVP_PKEY_get_bn_param(key_.get(), name, &found));
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(found, &BN_free);
    std::string bytes(static_cast<std::size_t>(size == 0 ? BN_num_bytes(found) : size), '\0');
    BN_bn2binpad(found, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    return bytes;
  }

  std::string raw_public() const {
    std::string bytes(32, '\0');
    std::size_t size = bytes.size();
    require(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size));
    return bytes;
  }

  static std::string raw_of(std::string_view der) {
    const auto* in = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
        d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())), &ECDSA_SIG_free);
    std::string bytes(64, '\0');
    auto* out = reinterpret_cast<unsigned char*>(bytes.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out + 32, 32);
    return bytes;
  }

  std::string alg_;
  std::shared_ptr<EVP_PKEY> key_;
  std::string secret_;
};

}  // namespace revoked::test
