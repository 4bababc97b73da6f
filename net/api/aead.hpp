#pragma once
// Encryption with authentication (AEAD): AES-256-GCM (NIST SP 800-38D). Format: a nonce of 12 bytes, the
// encrypted text, a tag of 16 bytes. Each nonce is random, not counted: a counter would reveal how many texts
// others seal. So a key may seal about 2^32 texts (section 8.3). Thread-safe; throws if OpenSSL fails.

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/digest.hpp"

namespace revoked::net {

using AeadKey = engine::Digest;  // 32 bytes that look random

inline constexpr std::size_t aead_overhead = 12 + 16;  // bytes of a sealed text besides the text

// `associated` is authenticated, not contained: aead_open() needs the same.
std::string aead_seal(const AeadKey& key, std::string_view text, std::string_view associated = {});

// nullopt if it was not sealed with this key and `associated`.
std::optional<std::string> aead_open(const AeadKey& key, std::string_view sealed,
                                     std::string_view associated = {});

}  // namespace revoked::net
