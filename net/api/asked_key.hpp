#pragma once
// A key as a request describes it, in any dialect or line. The engine decides whether this caller may create
// it.

#include <array>
#include <string>
#include <string_view>

#include "net/api/api.hpp"
#include "net/api/route_queries.hpp"
#include "net/http/members.hpp"

namespace revoked::net {

// The members that describe a new key.
inline constexpr std::array<MemberForm, 10> key_forms{{
    {"user", JsonMember::Kind::string, owner_form},
    {"application", JsonMember::Kind::string, owner_form},
    {"workspace", JsonMember::Kind::string, owner_form},
    {"key_id", JsonMember::Kind::string, key_id_form},
    {"name", JsonMember::Kind::string, "a string of at most 256 bytes"},
    {"metadata", JsonMember::Kind::object, "an object of at most 4096 bytes without repeated members"},
    {"permissions", JsonMember::Kind::strings,
     "an array of words of visible ASCII without blanks, 2048 bytes in all"},
    {"expires_at", JsonMember::Kind::string,
     "a time after 1970-01-01T00:00:00Z as in RFC 3339, such as 2027-01-01T00:00:00Z"},
    {"secret", JsonMember::Kind::string, engine::secret_form},
    {"secret_sha256", JsonMember::Kind::string, digest_form},
}};

// `key` views the strings.
struct AskedKey {
  Members members;
  engine::NewKey key;
  std::string permissions;
  bool has_secret = false;    // the secret itself, or its digest
  std::string reason;         // of the initial state
  std::string issued_secret;  // generated, if the request has none; set by create_asked_key
};

// Returns what is wrong with it, if anything. `asked` is overwritten; it and `principal` must outlive what is
// made of its `key`.
Fault read_asked_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                     const engine::Principal& principal);
// Of members read with `key_forms`, or made to match them.
Fault read_asked_key(AskedKey& asked, Members members, const engine::Engine& engine,
                     const engine::Principal& principal);

// The same for a record of a key from elsewhere, or from a list of this API: of its members (docs/api.md),
// the state, its reason, and created_at are taken too (asked_record.cpp).
Fault read_asked_record(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                        const engine::Principal& principal);

// The same, several times faster, for a key of text members only, with its secret or the digest of it, as
// most imported keys are. False: it is another, or invalid: then read_asked_key says what is wrong. `asked`
// views `json` and the thread's last parsed text.
bool read_plain_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                    const engine::Principal& principal);

// Creates the key, with a generated secret if it has none.
engine::result<engine::CreatedKey> create_asked_key(Api& api, const Call& call, AskedKey& asked);

}  // namespace revoked::net
