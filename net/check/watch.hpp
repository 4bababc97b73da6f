#pragma once
// GET /watch: holds the answer until the key is denied, as a stream of Server-Sent Events or as one long poll
// (docs/gateways.md).

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "cache/edge/gateway.hpp"
#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "net/http/service.hpp"

namespace revoked::net {

inline constexpr std::chrono::seconds longest_poll{300};

// N of "Prefer: wait=N" (RFC 7240), at most `longest_poll`; empty: no such preference. errc::malformed: not a
// number of seconds.
engine::result<std::optional<std::chrono::seconds>> wait_of(std::string_view prefer);

// Answers a key that is denied as /check does.
Task<> watch_and_answer(cache::Gateway& gateway, Exchange exchange, engine::Digest digest, std::string secret,
                        std::optional<std::chrono::seconds> wait);

}  // namespace revoked::net
