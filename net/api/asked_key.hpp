#pragma once
// A key as a request asks for it, in whichever dialect or line. Whether this caller may create such a key is
// for the engine to say.

#include <array>
#include <string>
#include <string_view>

#include "net/api/api.hpp"
#include "net/http/members.hpp"
#include "net/api/route_queries.hpp"

namespace revoked::net {

// What a key may be asked for with.
inline constexpr std::array<MemberForm, 10> key_forms{{
    {"user", JsonMember::Kind::string, owner_form},
    {"application", JsonMember::Kind::string, owner_form},
    {"workspace", JsonMember::Kind::string, owner_form},
    {"key_id", JsonMember::Kind::string, key_id_form},
    {"name", JsonMember::Kind::string, "a string of at most 256 bytes"},
    {"metadata", JsonMember::Kind::object, "an object of at most 4096 bytes, in which no member comes twice"},
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
  bool has_secret = false;    // its own, or the digest of it
  std::string reason;         // of the state that it comes in
  std::string issued_secret;  // ours, if it has none; set by create_asked_key
};

// What is wrong with it, if anything. `asked` is overwritten; it must outlive what is made of its `key`, and
// so must `principal`.
Fault read_asked_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                     const engine::Principal& principal);
// Of members that have been read with `key_forms`, or have been made to look so.
Fault read_asked_key(AskedKey& asked, Members members, const engine::Engine& engine,
                     const engine::Principal& principal);

// The same for a key that comes from elsewhere, or from a list of ours: with all that a record has
// (docs/api.md), of which its state, the reason of that, and created_at are taken (asked_record.cpp).
Fault read_asked_record(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                        const engine::Principal& principal);

// The same for a key that is nothing but texts and has its secret or the digest of it, which most imported
// ones are, several times faster. False: it is not, or something is wrong with it, which read_asked_key
// tells. `asked` views `json` and what the thread has read last.
bool read_plain_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                    const engine::Principal& principal);

// Creates what has been read, with a secret of ours if it has none.
engine::result<engine::CreatedKey> create_asked_key(Api& api, const Call& call, AskedKey& asked);

}  // namespace revoked::net
