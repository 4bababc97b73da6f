// A message of the bus: the members that decide are present and valid, however they are written.

#include "cache/bus/message.hpp"
#include "tests/fuzz/decoded.hpp"

namespace revoked::message_fuzz {

FUZZ_TARGET(message) {
  const fuzz::Exact input(fuzz::text_of(data, size));
  if (const auto message = cache::decode_message(input.view())) fuzz::require_sense(*message);
  return 0;
}

}  // namespace revoked::message_fuzz
