// A JWK Set as an operator might have it: what is taken is bounded and can be found again, and what is
// refused says why without saying what is in it.

#include "net/auth/jwks.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace revoked;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
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
