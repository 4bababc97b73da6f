#pragma once
// Encrypts a response that is kept for a repeated request (aead.hpp), under a key derived from the
// credential and the Idempotency-Key of the request, and a salt: random per process, or common to engines
// that share a journal. Neither of the first two is kept, so the stored response is unreadable until the same
// caller repeats the request. A value for one thread at a time; wiped on destruction.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/digest.hpp"

namespace revoked::net {

// For engines that answer for each other: their common secret makes the salt. Before the first request.
void set_common_salt(std::string_view secret);

// HMAC-SHA-256 under the salt, over length-delimited parts: for names that reveal nothing of what
// they name. Thread-safe.
engine::Digest salted_digest(std::initializer_list<std::string_view> parts);

class ReplyKey {
 public:
  ReplyKey(std::string_view credential, std::string_view idempotency_key);
  ~ReplyKey();
  ReplyKey(const ReplyKey&) = delete;
  ReplyKey& operator=(const ReplyKey&) = delete;

  // Identifies the key; for comparison only.
  engine::Digest mark() const { return digest_of({"mark"}); }
  // A digest of any data; equal only for equal data under the same key.
  engine::Digest digest_of(std::initializer_list<std::string_view> parts) const;

  // `bound_to` must be the same for open().
  std::string seal(std::string_view text, const engine::Digest& bound_to) const;
  std::optional<std::string> open(std::string_view sealed, const engine::Digest& bound_to) const;

 private:
  engine::Digest key_;
};

void wipe(std::string& text);

}  // namespace revoked::net
