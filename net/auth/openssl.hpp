#pragma once
// Shared by the files that call OpenSSL's libcrypto.

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace revoked::net {

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

inline unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace revoked::net
