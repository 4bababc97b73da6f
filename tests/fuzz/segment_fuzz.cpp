// A file of the log. The first byte says whether its sectors get the right checksums (else nothing behind a
// checksum would ever be reached); what is read is in order, and reading it again gives the same.

#include "engine/segment.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <vector>

#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/memory_file.hpp"

using namespace revoked;

namespace {

constexpr std::uint64_t checksum_seed = 0x7265766f6b656431;  // engine/segment.cpp

constexpr auto sector_bytes = engine::Segment::sector_bytes;
constexpr std::size_t sector_head_bytes = 16;
constexpr std::size_t record_head_bytes = 24;  // u64 size, u64 hash, u32 sectors, u32 kind

template <class T>
T get(const std::string& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

void seal_record(std::string& bytes, std::size_t at) {
  const auto size = get<std::uint64_t>(bytes, at + sector_head_bytes);
  const auto sectors = get<std::uint32_t>(bytes, at + sector_head_bytes + 16);
  if (sectors > (bytes.size() - at) / sector_bytes || size > bytes.size()) return;
  std::string content;
  for (std::size_t i = 0; i < sectors; ++i)
    content.append(bytes, at + i * sector_bytes + sector_head_bytes, sector_bytes - sector_head_bytes);
  content.erase(0, record_head_bytes);
  content.resize(size);
  const std::uint64_t hash = XXH3_64bits(content.data(), content.size());
  std::memcpy(bytes.data() + at + sector_head_bytes + 8, &hash, sizeof hash);
}

void seal_sector(std::string& bytes, std::size_t at) {
  const auto sum = static_cast<std::uint32_t>(
      XXH3_64bits_withSeed(bytes.data() + at + 4, sector_bytes - 4, checksum_seed));
  std::memcpy(bytes.data() + at, &sum, sizeof sum);
}

struct Read {
  std::uint64_t tag;
  engine::RecordKind kind;
  std::string content;
  bool operator==(const Read&) const = default;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = fuzz::text_of(data, size);
  const auto sealed = fuzz::take_byte(text);
  std::string bytes(text);
  for (std::size_t at = 0; at + sector_bytes <= bytes.size(); at += sector_bytes) {
    if (sealed % 2 != 0 && get<std::uint32_t>(bytes, at + 4) == 0) seal_record(bytes, at);
  }
  for (std::size_t at = 0; at + sector_bytes <= bytes.size(); at += sector_bytes) {
    if (sealed % 4 > 1) seal_sector(bytes, at);
  }
  static fuzz::MemoryFile file;
  file.write(bytes);
  std::vector<Read> records;
  const auto end = engine::Segment::read(file.path(), [&](const engine::Record& record) {
    if (!records.empty()) REQUIRE(record.tag >= records.back().tag);
    records.push_back({record.tag, record.kind, std::string(record.content)});
    return true;
  });
  if (!end) return 0;
  REQUIRE(*end <= bytes.size() && *end % engine::Segment::sector_bytes == 0);
  // What was read stands alone, too.
  file.write(std::string_view(bytes).substr(0, *end));
  std::size_t i = 0;
  const auto again = engine::Segment::read(file.path(), [&](const engine::Record& record) {
    REQUIRE(i < records.size());
    REQUIRE(records[i++] == Read{record.tag, record.kind, std::string(record.content)});
    return true;
  });
  REQUIRE(again && *again == *end && i == records.size());
  return 0;
}
