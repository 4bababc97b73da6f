#pragma once
// The guarantees of every decoded message (cache/bus/message.hpp).

#include "cache/bus/message.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace revoked::fuzz {

inline void require_sense(const cache::Message& message) {
  constexpr auto most = std::uint64_t{1} << 63;
  REQUIRE(message.epoch >= 1 && message.epoch < most);
  REQUIRE(message.first >= 1 && message.first <= message.last + 1 && message.last < most - 1);
  REQUIRE(message.at >= 0);
  REQUIRE(message.events.size() <= message.last - message.first + 1);
  auto least = message.first;
  for (const auto& event : message.events) {
    using Type = cache::Invalidation::Type;
    REQUIRE(event.sequence >= least && event.sequence <= message.last);
    REQUIRE(event.epoch == message.epoch);
    least = event.sequence + 1;
    if (event.type == Type::unknown) continue;
    for (const auto& owner : event.within) REQUIRE(owner.empty() || engine::is_owner_id(owner));
    if (event.type == Type::owner_revoked) REQUIRE(engine::is_owner_id(event.owner_id));
    if (event.type == Type::key_revoked || event.type == Type::key_suspended ||
        event.type == Type::key_changed)
      REQUIRE(engine::is_key_id(event.key_id));
  }
}

}  // namespace revoked::fuzz
