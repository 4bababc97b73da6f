#pragma once
// A key removed from the tables, as recorded in an event of type keys_forgotten. Its other data is in the
// events that created and changed it.
//
//   forgotten = key*
//   key       = id_size:u8 id created:u64 revoked:u64 expires_at:i64 edited:u8 secrets:u16 digest_head*
//
// Integers are little endian; a digest_head is the first 16 bytes of a secret's digest.

#include <functional>
#include <string>
#include <string_view>

#include "engine/base/time.hpp"
#include "engine/model/position.hpp"

namespace revoked::engine {

inline constexpr std::size_t digest_head_bytes = 16;

struct ForgottenKey {
  std::string_view key_id;
  Sequence created = 0;   // its first secret
  Sequence revoked = 0;   // by its own event; 0: by an owner's, or not at all
  UnixMs expires_at = 0;  // its last value; 0: never, or the key was revoked
  bool is_edited = false;
  std::string_view secrets;  // the heads of all its digests that were still known
};

// At most this many secrets are recorded: the newest.
inline constexpr std::size_t max_forgotten_secrets = 1000;

void append_forgotten(std::string& out, const ForgottenKey& key);
// False if the bytes are not whole keys; those before the fault have been visited.
bool for_each_forgotten(std::string_view bytes, const std::function<void(const ForgottenKey&)>& visit);

}  // namespace revoked::engine
