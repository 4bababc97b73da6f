// Server-Sent Events: the first byte is the size of the pieces in which the rest is fed. The events are the
// same as in one piece, and no data is longer than the limit.

#include "cache/wire/event_stream.hpp"

#include <vector>

#include "tests/fuzz/fuzz.hpp"

namespace revoked::event_stream_fuzz {

using Outcome = cache::EventStream::Outcome;

constexpr std::size_t limit = 256;

struct Reading {
  std::vector<std::string> events;
  Outcome outcome = Outcome::more;
};

Reading read(std::string_view bytes, std::size_t piece_bytes) {
  Reading reading;
  cache::EventStream stream(limit);
  while (!bytes.empty() && reading.outcome == Outcome::more) {
    const fuzz::Exact piece(bytes.substr(0, piece_bytes));
    bytes.remove_prefix(piece.view().size());
    reading.outcome = stream.feed(piece.view(), [&](std::string_view data) {
      REQUIRE(data.size() <= limit);
      reading.events.emplace_back(data);
      return data != "end";
    });
  }
  return reading;
}

FUZZ_TARGET(event_stream) {
  auto bytes = fuzz::text_of(data, size);
  const std::size_t piece_bytes = fuzz::take_byte(bytes) % 64 + 1;
  const auto whole = read(bytes, bytes.size() + 1);
  const auto pieces = read(bytes, piece_bytes);
  REQUIRE(whole.events == pieces.events);
  REQUIRE(whole.outcome == pieces.outcome);
  return 0;
}

}  // namespace revoked::event_stream_fuzz
