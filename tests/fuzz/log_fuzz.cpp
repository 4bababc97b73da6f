// A file of the log. The first byte selects whether its blocks get correct sums (else no code after the check
// of a sum would be reached). Blocks are read in order and chained, and reading again gives the same.

#include <cstring>
#include <vector>

#include "engine/log/packed_blocks.hpp"
#include "engine/log/segment_scan.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace revoked::log_fuzz {

// Appends the parts of the payload as batches of a packed block.
void append_packed(std::string& out, engine::BlockPlace& next, std::string_view payload, std::size_t piece) {
  engine::BlockPacker packer;
  do {
    const auto part = payload.substr(0, piece);
    payload.remove_prefix(part.size());
    engine::BlockHead head;
    head.kind = engine::BlockKind::batch;
    head.number = next.number;
    head.first = next.first;
    head.before = next.before;
    head.payload_bytes = head.raw_bytes = static_cast<std::uint32_t>(part.size());
    head.events = static_cast<std::uint32_t>(part.size() % 3);
    head.sum = engine::sum_of_block(head, part);
    packer.add(head, part);
    next = {head.number + 1, head.first + head.events, head.sum};
  } while (!payload.empty());
  REQUIRE(packer.flush(out));
}

// Makes chained blocks of everything that looks like a head.
std::string with_sums(std::string_view bytes) {
  std::string out;
  engine::BlockPlace next;
  while (bytes.size() >= engine::sector_bytes) {
    std::uint32_t payload_bytes = 0;
    std::memcpy(&payload_bytes, bytes.data() + 24, sizeof payload_bytes);
    payload_bytes %= 2048;
    const auto size = engine::block_size(payload_bytes);
    if (size > bytes.size()) break;
    engine::BlockHead head;
    head.kind = static_cast<engine::BlockKind>(bytes[4]);
    head.codec = static_cast<engine::Codec>(bytes[5]);
    head.number = next.number;
    head.first = next.first;
    head.before = next.before;
    head.events = static_cast<unsigned char>(bytes[6]);
    const auto payload = bytes.substr(engine::block_head_bytes, payload_bytes);
    bytes.remove_prefix(size);
    if (head.kind == engine::BlockKind::packed && head.codec == engine::Codec::none) {
      append_packed(out, next, payload, 1 + head.events);
      continue;
    }
    std::memcpy(&head.raw_bytes, payload.data() - engine::block_head_bytes + 28, sizeof head.raw_bytes);
    const auto at = out.size();
    out.resize(at + engine::block_size(payload.size()));
    engine::write_block(out.data() + at, head, payload);
    next = {head.number + 1, head.first + head.events, head.sum};
  }
  return out.append(bytes);
}

struct Seen {
  engine::BlockSum sum;
  std::uint64_t number;
  bool operator==(const Seen&) const = default;
};

FUZZ_TARGET(log) {
  auto text = fuzz::text_of(data, size);
  const auto kind = fuzz::take_byte(text);
  const auto bytes = kind % 2 != 0 ? with_sums(text) : std::string(text);
  std::vector<Seen> seen;
  engine::BlockSum before{};
  bool is_packed = false;
  const auto scan = [&](std::string_view file) {
    return engine::scan_segment(
        file, {}, [&](const engine::BlockHead& head, std::string_view payload, std::uint64_t at) {
          REQUIRE(at % engine::sector_bytes == 0 && payload.size() == head.payload_bytes);
          REQUIRE(engine::sum_of_block(head, payload) == head.sum);
          REQUIRE(head.before == before && head.number == seen.size() + 1);
          before = head.sum;
          engine::BlockHead in_file;
          REQUIRE(engine::read_block_head(file.substr(at), in_file));
          is_packed |= in_file.kind == engine::BlockKind::packed;
          seen.push_back({head.sum, head.number});
          return true;
        });
  };
  const auto found = scan(bytes);
  REQUIRE(found.position <= bytes.size() && found.next.number == seen.size() + 1);
  // The part that was read is valid by itself, too.
  auto first = std::move(seen);
  seen.clear();
  before = {};
  const auto again = scan(std::string_view(bytes).substr(0, found.position));
  // Only closed segments are packed.
  const auto cut_there = is_packed ? engine::SegmentEnd::damaged : engine::SegmentEnd::open;
  REQUIRE(again.end == (found.end == engine::SegmentEnd::closed ? engine::SegmentEnd::closed : cut_there));
  REQUIRE(again.position == found.position && seen == first);
  return 0;
}

}  // namespace revoked::log_fuzz
