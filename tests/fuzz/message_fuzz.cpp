// A message of the bus: the members that decide are present and valid, however they are written.

#include "cache/bus/message.hpp"
#include "tests/fuzz/decoded.hpp"

using namespace revoked;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Exact input(fuzz::text_of(data, size));
  if (const auto message = cache::decode_message(input.view())) fuzz::require_sense(*message);
  return 0;
}
