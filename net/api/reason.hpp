#pragma once
// The reason of a change: in the body, or in the query.

#include "net/api/api.hpp"
#include "net/http/members.hpp"

namespace revoked::net {

inline constexpr std::string_view reason_form = "a string of at most 256 bytes";
// Of a body that has nothing else.
inline constexpr MemberForm reason_forms[] = {{"reason", JsonMember::Kind::string, reason_form}};

// Reads an optional body that may have a `reason`, which is validated.
Fault read_with_reason(Members& members, std::string_view json, std::span<const MemberForm> forms);

// The same for a call, whose reason may be in ?reason= as well.
Fault read_reason(const Call& call, Members& members, std::span<const MemberForm> forms, std::string& reason);
// The same for a call whose body has nothing else.
Fault read_reason(const Call& call, std::string& reason);

}  // namespace revoked::net
