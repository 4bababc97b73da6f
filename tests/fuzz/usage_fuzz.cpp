// A gateway's report of usage: what is read is within its bounds, can be written again, and is read the same.

#include "cache/bus/usage.hpp"

#include "cache/bus/report.hpp"
#include "engine/model/ids.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace revoked::usage_fuzz {

FUZZ_TARGET(usage) {
  const fuzz::Exact input(fuzz::text_of(data, size));
  const auto usage = cache::decode_usage(input.view());
  if (!usage) return 0;
  REQUIRE(cache::is_gateway_name(usage->gateway));
  REQUIRE(!usage->batch.empty() && usage->batch.size() <= cache::max_batch_id_size);
  REQUIRE(usage->uses.size() <= cache::max_reported_keys && usage->denied.size() <= cache::max_reported_keys);
  for (const auto& use : usage->uses) REQUIRE(engine::is_key_id(use.key_id));
  for (const auto& use : usage->denied) {
    REQUIRE(engine::is_key_id(use.key_id));
    REQUIRE(use.attempts.count != 0 && use.attempts.first_at <= use.attempts.last_at);
    REQUIRE(use.address.empty() || cache::is_network(use.address));
  }
  const auto text = cache::encode_usage(*usage);
  if (text.size() > cache::max_usage_bytes) return 0;  // times and escapes may take more than they did
  const auto again = cache::decode_usage(text);
  REQUIRE(bool(again));
  REQUIRE(cache::encode_usage(*again) == text);
  return 0;
}

}  // namespace revoked::usage_fuzz
