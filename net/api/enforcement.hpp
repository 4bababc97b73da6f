#pragma once
// Proof of enforcement (docs/receipts.md): the answer to a change may wait until the gateways enforce it.

#include <chrono>
#include <functional>

#include "net/api/api.hpp"
#include "net/auth/authority.hpp"

namespace revoked::net {

inline constexpr std::chrono::seconds max_wait{60};

// The answer of `answer`, after the gateways have enforced the position in it, or after `wait`; with headers
// that say how many do, and in the native API with a member `enforced`. An answer without a position, or an
// error, is sent as it is. `permission`: the one that the call needed; the wait ends with it.
Outcome answer_when_enforced(Api& api, Call& call, engine::Permission permission, std::chrono::seconds wait,
                             const std::function<Outcome()>& answer);

// What is known of a position when it was published, and who enforces it.
struct Enforcement {
  engine::Position position;
  std::optional<cache::ReachedTimes::Span> published;  // empty: before this process
  cache::Receipt receipt;

  // From the publication until the engine knew of it, in milliseconds: an upper bound. Empty: not measured.
  std::optional<double> after_ms(const cache::Receipt::Enforced& gateway) const;
  std::optional<double> slowest_ms() const;
};

Enforcement enforcement_of(const Api& api, engine::Position position);

// Waits until all gateways enforce the position, at most for `wait`, and not longer than the caller is there
// and may ask, or the engine serves; not at all if too many wait. `authority` by reference: the caller owns
// it and awaits this.
Task<Enforcement> wait_for_enforcement(Api& api, Connection& connection, engine::Position position,
                                       std::chrono::seconds wait, Authority& authority);

}  // namespace revoked::net
