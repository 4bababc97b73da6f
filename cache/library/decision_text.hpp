#pragma once
// Writes a verdict into the caller's structure. Any thread; allocates nothing.

#include "cache/edge/gateway.hpp"
#include "cache/library/revoked_gateway.h"

namespace revoked::library {

// Whether there is one, as large as this library knows it.
bool is_whole(const revoked_decision* decision);

// To: unavailable, about no key.
void clear(revoked_decision& decision);
void set_result(revoked_decision& decision, revoked_result result);

revoked_result result_of(const cache::Gateway::Verdict& verdict);
// `result` is that of the verdict. What the permissions refer to must last until it returns.
void write(const cache::Gateway::Verdict& verdict, revoked_result result, revoked_decision& decision);

}  // namespace revoked::library
