#pragma once
// Decisions, events and a near cache for tests.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "cache/edge/near_cache.hpp"

namespace revoked::test {

using cache::Decision;
using cache::Invalidation;
using engine::Position;
using engine::Scope;

inline engine::Digest digest_of(std::uint64_t number) {
  engine::Digest digest{};
  const auto hash = (number + 1) * 0x9e3779b97f4a7c15u;
  std::memcpy(digest.data(), &hash, sizeof hash);
  std::memcpy(digest.data() + 8, &number, sizeof number);
  return digest;
}

inline std::string uuid_of(std::uint64_t number) {
  char text[37];
  std::snprintf(text, sizeof text, "0192f0c1-7a3b-7def-8123-%012llx",
                static_cast<unsigned long long>(number & 0xffff'ffff'ffff));
  return text;
}

inline Decision decision_of(std::string key_id, Position as_of,
                            Decision::State state = Decision::State::active) {
  Decision decision;
  decision.state = state;
  decision.key_id = std::move(key_id);
  decision.user = "u1";
  decision.workspace = "w1";
  decision.as_of = as_of;
  return decision;
}

inline Invalidation key_event(Invalidation::Type type, std::string key_id, Position at) {
  Invalidation event;
  event.type = type;
  event.sequence = at.sequence;
  event.key_id = std::move(key_id);
  event.epoch = at.epoch;
  return event;
}
inline Invalidation key_revoked(std::string key_id, Position at) {
  return key_event(Invalidation::Type::key_revoked, std::move(key_id), at);
}
inline Invalidation owner_event(Invalidation::Type type, Scope scope, std::string id, Position at) {
  Invalidation event;
  event.type = type;
  event.sequence = at.sequence;
  event.scope = scope;
  event.owner_id = std::move(id);
  event.epoch = at.epoch;
  return event;
}
inline Invalidation owner_revoked(Scope scope, std::string id, Position at) {
  return owner_event(Invalidation::Type::owner_revoked, scope, std::move(id), at);
}
inline Invalidation within(Invalidation event, Scope scope, std::string id) {
  event.within[static_cast<std::size_t>(scope)] = std::move(id);
  return event;
}

// A cache that follows the engine from position 3-100.
class NearCacheTest : public testing::Test {
 protected:
  NearCacheTest() { cache.flush({3, 100}); }
  std::optional<Decision::State> state(std::uint64_t number, cache::UnixMs now = 0) const {
    const auto decision = cache.find(digest_of(number), now);
    return decision ? std::optional(decision->state) : std::nullopt;
  }
  cache::NearCache cache{{.max_entries = 1000, .max_marks = 1000}};
};

}  // namespace revoked::test
