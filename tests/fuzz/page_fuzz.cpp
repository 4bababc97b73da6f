// A page of the engine's feed: each of its messages is valid.

#include "tests/fuzz/decoded.hpp"

namespace revoked::page_fuzz {

FUZZ_TARGET(page) {
  const fuzz::Exact input(fuzz::text_of(data, size));
  const auto page = cache::decode_page(input.view());
  if (!page) return 0;
  REQUIRE(page->position.epoch != 0);
  for (const auto& message : page->messages) fuzz::require_sense(message);
  return 0;
}

}  // namespace revoked::page_fuzz
