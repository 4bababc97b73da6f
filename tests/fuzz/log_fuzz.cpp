// A file of the log. The first byte says whether its blocks get the right sums (else nothing behind a sum
// would ever be reached); what is read is in order and chained, and reading it again gives the same.

#include <cstring>
#include <vector>

#include "engine/log/segment_scan.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace revoked;

namespace {

// Makes blocks of what looks like heads, chained to each other.
std::string sealed(std::string bytes) {
  engine::BlockPlace next;
  for (std::size_t at = 0; at + engine::sector_bytes <= bytes.size();) {
    std::uint32_t payload_bytes = 0;
    std::memcpy(&payload_bytes, bytes.data() + at + 24, sizeof payload_bytes);
    payload_bytes %= 2048;
    const auto size = engine::block_size(payload_bytes);
    if (size > bytes.size() - at) break;
    engine::BlockHead head;
    head.kind = static_cast<engine::BlockKind>(bytes[at + 4]);
    head.number = next.number;
    head.first = next.first;
    head.before = next.before;
    head.events = static_cast<unsigned char>(bytes[at + 5]);
    const std::string payload = bytes.substr(at + engine::block_head_bytes, payload_bytes);
    engine::write_block(bytes.data() + at, head, payload);
    next = {head.number + 1, head.first + head.events, head.sum};
    at += size;
  }
  return bytes;
}

struct Seen {
  engine::BlockSum sum;
  std::uint64_t number;
  bool operator==(const Seen&) const = default;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = fuzz::text_of(data, size);
  const auto seals = fuzz::take_byte(text);
  const auto bytes = seals % 2 != 0 ? sealed(std::string(text)) : std::string(text);
  std::vector<Seen> seen;
  engine::BlockSum before{};
  const auto scan = [&](std::string_view file) {
    return engine::scan_segment(
        file, {}, [&](const engine::BlockHead& head, std::string_view payload, std::uint64_t at) {
          REQUIRE(at % engine::sector_bytes == 0 && payload.size() == head.payload_bytes);
          REQUIRE(payload.empty() || (payload.data() >= file.data() &&
                                      payload.data() + payload.size() <= file.data() + file.size()));
          REQUIRE(head.before == before && head.number == seen.size() + 1);
          before = head.sum;
          seen.push_back({head.sum, head.number});
          return true;
        });
  };
  const auto found = scan(bytes);
  REQUIRE(found.position <= bytes.size() && found.next.number == seen.size() + 1);
  // What was read stands alone, too.
  auto first = std::move(seen);
  seen.clear();
  before = {};
  const auto again = scan(std::string_view(bytes).substr(0, found.position));
  REQUIRE(again.end ==
          (found.end == engine::SegmentEnd::closed ? engine::SegmentEnd::closed : engine::SegmentEnd::open));
  REQUIRE(again.position == found.position && seen == first);
  return 0;
}
