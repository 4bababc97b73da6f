#pragma once
// A key that has left the tables: what an event of the type keys_forgotten says of it. The rest is in the
// events that made it and changed it.
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
  Sequence revoked = 0;   // by an event of its own; 0: by an owner's, or not at all
  UnixMs expires_at = 0;  // as it was last; 0: never, or it was revoked
  bool is_edited = false;
  std::string_view secrets;  // the heads of all digests that it has had and that were still known
};

// So many secrets at most are named: the newest.
inline constexpr std::size_t max_forgotten_secrets = 1000;

void append_forgotten(std::string& out, const ForgottenKey& key);
// False if the bytes are not whole keys; those before the fault have been visited.
bool for_each_forgotten(std::string_view bytes, const std::function<void(const ForgottenKey&)>& visit);

}  // namespace revoked::engine
