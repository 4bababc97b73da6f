// The engine's answer to a gateway's question: an allow has a key and the position it covers, no value can
// break out of the gateway's headers, and the near cache's packed form is equal.

#include "cache/bus/decision.hpp"
#include "cache/edge/cached_decision.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace revoked::decision_fuzz {

FUZZ_TARGET(decision) {
  const fuzz::Exact input(fuzz::text_of(data, size));
  const auto decision = cache::decode_decision(input.view());
  if (!decision) return 0;
  if (decision->state == cache::Decision::State::active) {
    REQUIRE(engine::is_key_id(decision->key_id));
    REQUIRE(decision->as_of.epoch != 0);
  }
  REQUIRE(decision->key_id.empty() || engine::is_key_id(decision->key_id));
  for (const auto& owner : {decision->user, decision->application, decision->workspace})
    REQUIRE(owner.empty() || engine::is_owner_id(owner));
  for (const unsigned char c : decision->permissions) REQUIRE(c >= ' ' && c != 0x7f);
  REQUIRE(!decision->permissions.starts_with(' ') && !decision->permissions.ends_with(' '));
  REQUIRE(decision->permissions.find("  ") == std::string::npos);

  cache::PackedIds packed{};
  const auto ids = cache::ids_of(*decision);
  if (!cache::pack(ids, packed)) return 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    cache::IdBuffer buffer;
    REQUIRE(cache::unpack(packed, i, buffer) == ids[i]);
  }
  return 0;
}

}  // namespace revoked::decision_fuzz
