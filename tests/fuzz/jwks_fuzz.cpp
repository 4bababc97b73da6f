// A JWK Set of an operator: accepted entries are bounded and can be found, and a refusal gives a reason
// without content of the set.

#include "net/auth/jwks.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace revoked::jwks_fuzz {

FUZZ_TARGET(jwks) {
  const fuzz::Exact input(fuzz::text_of(data, size));
  std::string why;
  const auto keys = net::KeySet::parse(input.view(), why);
  if (!keys) {
    REQUIRE(!why.empty());
    return 0;
  }
  REQUIRE(keys->size() <= net::max_jwks_keys);
  return 0;
}

}  // namespace revoked::jwks_fuzz
