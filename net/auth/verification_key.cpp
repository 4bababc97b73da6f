#include "net/auth/verification_key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <array>
#include <vector>

#include "net/auth/openssl.hpp"

namespace revoked::net {
namespace {

using engine::errc;

template <auto free>
struct Freed {
  void operator()(auto* object) const { free(object); }
};
template <class T, auto free>
using Owned = std::unique_ptr<T, Freed<free>>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Params = Owned<OSSL_PARAM, OSSL_PARAM_free>;
using ParamsBuilder = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Number = Owned<BIGNUM, BN_free>;

Number number_of(std::string_view text) {
  return Number(BN_bin2bn(bytes_of(text), static_cast<int>(text.size()), nullptr));
}

// OpenSSL adds each failure to a queue of the thread; left there it would be taken for the failure of a later
// call.
struct ErrorsCleared {
  ~ErrorsCleared() { ERR_clear_error(); }
};

// A key with valid numbers: EVP_PKEY_public_check refuses points off the curve, even and small moduli.
Key make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return {};
  }
  Key key(made);
  const KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!check || EVP_PKEY_public_check(check.get()) != 1) return {};
  return key;
}

// r and s (RFC 7518, section 3.4) in DER, as OpenSSL requires. OpenSSL refuses r or s that is 0 or not below
// the group's order (without that check: CVE-2022-21449).
std::vector<unsigned char> der_of(std::string_view signature) {
  if (signature.size() != 64) return {};
  const Owned<ECDSA_SIG, ECDSA_SIG_free> pair(ECDSA_SIG_new());
  auto r = number_of(signature.substr(0, 32));
  auto s = number_of(signature.substr(32));
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  [[maybe_unused]] const auto* const owned_r = r.release();  // by the pair now
  [[maybe_unused]] const auto* const owned_s = s.release();
  const int size = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (size <= 0) return {};
  std::vector<unsigned char> der(static_cast<std::size_t>(size));
  auto* out = der.data();
  i2d_ECDSA_SIG(pair.get(), &out);
  return der;
}

bool verify_hmac(std::string_view secret, std::string_view message, std::string_view signature) {
  static EVP_MD* const sha256 =
      EVP_MD_fetch(nullptr, "SHA256", nullptr);  // fetched once: fetching costs more than hashing
  std::array<unsigned char, 32> expected;
  if (signature.size() != expected.size()) return false;
  if (HMAC(sha256, secret.data(), static_cast<int>(secret.size()), bytes_of(message), message.size(),
           expected.data(), nullptr) == nullptr) {
    return false;
  }
  return CRYPTO_memcmp(expected.data(), signature.data(), expected.size()) == 0;
}

// Digest of digests, so that no plaintext of an HMAC secret remains elsewhere.
engine::Digest fingerprint_of(Algorithm algorithm, std::initializer_list<std::string_view> parts) {
  std::string all(to_string(algorithm));
  for (const auto part : parts) {
    const auto digest = engine::sha256(part);
    all.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  }
  return engine::sha256(all);
}

}  // namespace

struct VerificationKey::Material {
  Key key;
  std::string secret;
  Material(Key given_key, std::string_view given_secret) : key(std::move(given_key)), secret(given_secret) {}
  Material(const Material&) = delete;
  Material& operator=(const Material&) = delete;
  ~Material() { OPENSSL_cleanse(secret.data(), secret.size()); }
};

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  for (const auto algorithm :
       {Algorithm::hs256, Algorithm::rs256, Algorithm::ps256, Algorithm::es256, Algorithm::eddsa}) {
    if (to_string(algorithm) == name) return algorithm;
  }
  return {};
}

std::string_view to_string(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::hs256:
      return "HS256";
    case Algorithm::rs256:
      return "RS256";
    case Algorithm::ps256:
      return "PS256";
    case Algorithm::es256:
      return "ES256";
    case Algorithm::eddsa:
      return "EdDSA";
  }
  return "unknown";
}

VerificationKey::VerificationKey(Algorithm algorithm, std::shared_ptr<const Material> material,
                                 const engine::Digest& fingerprint)
    : algorithm_(algorithm), fingerprint_(fingerprint), material_(std::move(material)) {}

engine::result<VerificationKey> VerificationKey::hmac(std::string_view secret) {
  if (secret.size() < 32 || secret.size() > 1024) return errc::invalid_field;
  return VerificationKey(Algorithm::hs256, std::make_shared<Material>(nullptr, secret),
                         fingerprint_of(Algorithm::hs256, {secret}));
}

engine::result<VerificationKey> VerificationKey::rsa(std::string_view n, std::string_view e,
                                                     Algorithm algorithm) {
  const ErrorsCleared cleared;
  if (algorithm != Algorithm::rs256 && algorithm != Algorithm::ps256) return errc::invalid_field;
  if (n.size() > 1025 || e.empty() || e.size() > 8)
    return errc::invalid_field;  // 1,025: some encoders prefix a zero byte
  const auto modulus = number_of(n);
  const auto exponent = number_of(e);
  if (!modulus || !exponent || BN_num_bits(modulus.get()) < 2048 || BN_num_bits(modulus.get()) > 8192) {
    return errc::invalid_field;
  }
  // With the exponent 1 every message is its own signature.
  if (!BN_is_odd(exponent.get()) || BN_is_one(exponent.get())) return errc::invalid_field;
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return errc::invalid_field;
  }
  auto key = make_key("RSA", builder.get());
  if (!key) return errc::invalid_field;
  return VerificationKey(algorithm, std::make_shared<Material>(std::move(key), ""),
                         fingerprint_of(algorithm, {n, e}));
}

engine::result<VerificationKey> VerificationKey::p256(std::string_view x, std::string_view y) {
  const ErrorsCleared cleared;
  if (x.size() != 32 || y.size() != 32) return errc::invalid_field;
  const std::string point = std::string("\x04").append(x).append(y);  // uncompressed (SEC 1, section 2.3.3)
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) !=
          1) {
    return errc::invalid_field;
  }
  auto key = make_key("EC", builder.get());
  if (!key) return errc::invalid_field;
  return VerificationKey(Algorithm::es256, std::make_shared<Material>(std::move(key), ""),
                         fingerprint_of(Algorithm::es256, {x, y}));
}

engine::result<VerificationKey> VerificationKey::ed25519(std::string_view x) {
  const ErrorsCleared cleared;
  if (x.size() != 32) return errc::invalid_field;
  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()));
  if (!key) return errc::invalid_field;
  return VerificationKey(Algorithm::eddsa, std::make_shared<Material>(std::move(key), ""),
                         fingerprint_of(Algorithm::eddsa, {x}));
}

bool VerificationKey::verify(std::string_view message, std::string_view signature) const {
  if (algorithm_ == Algorithm::hs256) return verify_hmac(material_->secret, message, signature);

  const ErrorsCleared cleared;
  std::vector<unsigned char> der;
  if (algorithm_ == Algorithm::es256) {
    der = der_of(signature);
    if (der.empty()) return false;
    signature = {reinterpret_cast<const char*>(der.data()), der.size()};
  }
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // owned by the context
  const char* digest = algorithm_ == Algorithm::eddsa ? nullptr : "SHA256";
  if (!context || EVP_DigestVerifyInit_ex(context.get(), &options, digest, nullptr, nullptr,
                                          material_->key.get(), nullptr) != 1) {
    return false;
  }
  // RFC 7518, section 3.5: MGF1 with SHA-256, which is OpenSSL's default here, and a salt as long as the
  // digest.
  if (algorithm_ == Algorithm::ps256 &&
      (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                          message.size()) == 1;
}

}  // namespace revoked::net
