#pragma once
// A position in the journal: (epoch, sequence), written `epoch-sequence`, e.g. `3-1041`.
// Sequences are gapless, start at 1 and continue across epochs. The epoch grows by one at every start of the
// engine. Sequence 0 is before the first event.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace revoked::engine {

using Epoch = std::uint64_t;
using Sequence = std::uint64_t;

struct Position {
  Epoch epoch = 0;
  Sequence sequence = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

void append_number(std::string& out, std::uint64_t number);
void append_position(std::string& out, Position position);
std::string to_string(Position position);
std::optional<Position> parse_position(std::string_view text);

}  // namespace revoked::engine
