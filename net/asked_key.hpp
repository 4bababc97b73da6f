#pragma once
// A key as a request asks for it, in whichever dialect or line. Whether this caller may create such a key is
// for the engine to say.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/api.hpp"
#include "net/json_reader.hpp"

namespace revoked::net {

// `key` views the strings.
struct AskedKey {
  std::vector<JsonMember> members;
  engine::NewKey key;
  std::string permissions;
  bool has_secret = false;    // its own, or the digest of it
  std::string reason;         // of the state that it comes in
  std::string issued_secret;  // ours, if it has none; set by create_asked_key
  std::string refusal;        // why not, if not empty
};

// Nothing if all is well; a refusal views `asked`. `asked` is overwritten; it must outlive what is made of
// its `key`, and so must `principal`.
std::optional<Refusal> read_asked_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                                      const engine::Principal& principal);
std::optional<Refusal> read_asked_key(AskedKey& asked, std::vector<JsonMember> members,
                                      const engine::Engine& engine, const engine::Principal& principal);

// The same for a key that comes from elsewhere, or from a list of ours: with all that a record has
// (docs/api.md), of which its state, the reason of that, and created_at are taken (asked_record.cpp).
std::optional<Refusal> read_asked_record(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                                         const engine::Principal& principal);

// The same for a key that is nothing but texts and has its secret or the digest of it, which most imported
// ones are, several times faster. False: it is not, or something is wrong with it, which read_asked_key
// tells. `asked` views `json` and what the thread has read last.
bool read_plain_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                    const engine::Principal& principal);

// Creates what has been read, with a secret of ours if it has none.
engine::result<engine::CreatedKey> create_asked_key(Api& api, const Call& call, AskedKey& asked);

}  // namespace revoked::net
