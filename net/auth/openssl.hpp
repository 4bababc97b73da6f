#pragma once
// Shared by the files that call OpenSSL's libcrypto.

#include <string>
#include <string_view>

namespace revoked::net {

inline unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace revoked::net
