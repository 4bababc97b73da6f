#pragma once
// What an answer that is kept for a repetition is sealed under (AES-256-GCM): a key made of the credential
// and the Idempotency-Key that came with the request, and of a salt that the process draws at its start.
// Neither of the first two is kept, so what is kept can be read by nobody until the same caller comes again.
// A value of one thread at a time; wiped when it goes.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/digest.hpp"

namespace revoked::net {

// HMAC-SHA-256 under the process's salt, over parts that are told apart: for names that say nothing of what
// they name. Thread-safe.
engine::Digest salted_digest(std::initializer_list<std::string_view> parts);

class ReplyKey {
 public:
  ReplyKey(std::string_view credential, std::string_view idempotency_key);
  ~ReplyKey();
  ReplyKey(const ReplyKey&) = delete;
  ReplyKey& operator=(const ReplyKey&) = delete;

  // Says whether another key is the same; of no other use.
  engine::Digest mark() const { return digest_of({"mark"}); }
  // Of anything, so that equal things are found to be equal under the same key only.
  engine::Digest digest_of(std::initializer_list<std::string_view> parts) const;

  // `bound_to` has to be the same when it is opened.
  std::string seal(std::string_view text, const engine::Digest& bound_to) const;
  std::optional<std::string> open(std::string_view sealed, const engine::Digest& bound_to) const;

 private:
  engine::Digest key_;
};

void wipe(std::string& text);

}  // namespace revoked::net
