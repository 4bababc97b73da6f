#pragma once
// One file of the write-ahead log: a sequence of records, each synced before append() returns.
//
// A synced write costs least where the file system has nothing to change besides the data: so the file is
// filled with zeros ahead, files that are not needed any more are written over, and writes go past the page
// cache to the disk (O_DIRECT, where the file system has it).
//
// Format. A file is sectors of 512 bytes, the unit that disks write whole or not at all; integers are little
// endian:
//   u32 checksum  of the rest of the sector: the low half of its XXH3 (xxhash.com) with `checksum_seed`
//   u32 index     of the sector in its record
//   u64 tag       of the record: the journal's sequence that it begins with. Never falls within a log
//   496 bytes     of the record
// A record is u64 size and u64 XXH3 of the content, u32 how many sectors it fills, u32 kind, and the content.
// So of every sector one can tell whether it is whole, and which record it belongs to. What a crash leaves at
// the end is a record of which some sectors are still old ones: that is a torn record, and was never
// confirmed. A sector that is no sector at all has been damaged, and so has a record before a newer one: that
// log cannot be trusted.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/error.hpp"

namespace revoked::engine {

enum class RecordKind : std::uint32_t {
  opens = 1,  // first in a file; the content is the file's number (u64)
  batch = 2,
  closes = 3,  // last in a file: the log goes on in the next
};

struct Record {
  std::uint64_t tag;
  RecordKind kind;
  std::string_view content;
};

// Not thread-safe. After an error the file must not be written any more.
class Segment {
 public:
  static constexpr std::size_t sector_bytes = 512;

  // Opens `path` to write on from `position`, and makes it if it is not there.
  static result<std::unique_ptr<Segment>> open(const std::string& path, std::uint64_t position = 0);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // Synced when it returns. An error means unknown.
  result<void> append(const Record& record);
  // What a record with so much content will take, at most.
  std::uint64_t size_with(std::size_t content_bytes) const;

  // Visits the records of a file in order, until the end, or until one is refused (false), and answers where
  // the last one ends. errc::storage_corrupt if the file was damaged.
  static result<std::uint64_t> read(const std::string& path, const std::function<bool(const Record&)>& visit);

 private:
  struct Free {
    void operator()(char* memory) const;
  };

  Segment(int file, std::uint64_t zeroed) : file_(file), zeroed_(zeroed) {}
  result<void> write(const char* data, std::size_t size, std::uint64_t at);
  result<void> fill_ahead(std::uint64_t end);
  void find_alignment();
  void reserve(std::size_t bytes);

  int file_;
  std::size_t alignment_ = 4096;
  std::uint64_t position_ = 0;
  std::uint64_t zeroed_;  // up to here the file has its blocks; whole pages
  std::unique_ptr<char, Free> buffer_;
  std::size_t buffer_bytes_ = 0;
};

}  // namespace revoked::engine
