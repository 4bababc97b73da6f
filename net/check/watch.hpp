#pragma once
// GET /watch: holds the answer until the key is denied, as a stream of Server-Sent Events or as one long poll
// (docs/gateways.md).

#include <chrono>
#include <optional>
#include <string>

#include "cache/edge/gateway.hpp"
#include "engine/base/digest.hpp"
#include "net/http/service.hpp"

namespace revoked::net {

inline constexpr std::chrono::seconds longest_poll{300};

// Answers a key that is denied as /check does.
Task<> watch_and_answer(cache::Gateway& gateway, Exchange exchange, engine::Digest digest, std::string secret,
                        std::optional<std::chrono::seconds> wait);

}  // namespace revoked::net
