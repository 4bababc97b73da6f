#include "engine/segment.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace revoked::engine {
namespace {

constexpr std::uint64_t checksum_seed = 0x7265766f6b656431;  // "revoked1"
constexpr std::size_t memory_alignment = 4096;
constexpr std::uint64_t least_fill = 256 << 10;
constexpr std::uint64_t greatest_fill = 1 << 20;

struct SectorHead {
  std::uint32_t checksum;
  std::uint32_t index;
  std::uint64_t tag;
};
constexpr std::size_t payload_bytes = Segment::sector_bytes - sizeof(SectorHead);

struct RecordHead {
  std::uint64_t size;
  std::uint64_t hash;
  std::uint32_t sectors;
  std::uint32_t kind;
};

std::uint32_t checksum_of(const char* sector) {
  return static_cast<std::uint32_t>(
      XXH3_64bits_withSeed(sector + 4, Segment::sector_bytes - 4, checksum_seed));
}

SectorHead head_of(const char* sector) {
  SectorHead head;
  std::memcpy(&head, sector, sizeof head);
  return head;
}

enum class Condition { blank, whole, damaged };
Condition condition_of(const char* sector) {
  if (head_of(sector).checksum == checksum_of(sector)) return Condition::whole;
  const auto is_zero = [](char c) { return c == 0; };
  return std::all_of(sector, sector + Segment::sector_bytes, is_zero) ? Condition::blank : Condition::damaged;
}

std::size_t sectors_for(std::size_t content) {
  return (sizeof(RecordHead) + content + payload_bytes - 1) / payload_bytes;
}

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// A file's sectors in memory, looked through once from its start.
class Reader {
 public:
  explicit Reader(std::string_view sectors) : sectors_(sectors) {}

  std::uint64_t position() const { return at_ * Segment::sector_bytes; }

  // The next record; nothing at the end of the log, errc::storage_corrupt if there is a damaged one instead.
  result<bool> next(Record& record) {
    if (at_ == count() || !is_whole(at_)) return end();
    const auto head = head_of(sector(at_));
    if (head.index != 0 || head.tag < least_tag_) return end();
    RecordHead record_head;
    std::memcpy(&record_head, sector(at_) + sizeof(SectorHead), sizeof record_head);
    // Sizes that wrap around when something is added to them are in damaged ones too.
    const std::uint64_t room = record_head.sectors * payload_bytes;
    if (room < sizeof record_head || record_head.size > room - sizeof record_head)
      return errc::storage_corrupt;
    if (record_head.sectors > count() - at_) return end();
    content_.clear();
    for (std::uint32_t i = 0; i < record_head.sectors; ++i) {
      const auto* at = sector(at_ + i);
      if (!is_whole(at_ + i) || head_of(at).tag != head.tag || head_of(at).index != i) return end();
      content_.append(at + sizeof(SectorHead), payload_bytes);
    }
    content_.erase(0, sizeof record_head);
    content_.resize(record_head.size);
    // Every sector is whole, and yet not all are of one record: of two with one tag, neither confirmed.
    if (XXH3_64bits(content_.data(), content_.size()) != record_head.hash) return end();
    record = {head.tag, static_cast<RecordKind>(record_head.kind), content_};
    least_tag_ = head.tag;
    if (record.kind == RecordKind::batch) least_tag_ = head.tag + 1;
    at_ += record_head.sectors;
    return true;
  }

 private:
  std::size_t count() const { return sectors_.size() / Segment::sector_bytes; }
  const char* sector(std::size_t index) const { return sectors_.data() + index * Segment::sector_bytes; }
  bool is_whole(std::size_t index) const { return condition_of(sector(index)) == Condition::whole; }

  // The log ends here, if nothing behind it is newer than the one record that may be torn, and nothing is
  // damaged.
  result<bool> end() const {
    std::uint64_t newest = 0;
    for (auto i = at_; i < count(); ++i) {
      const auto condition = condition_of(sector(i));
      if (condition == Condition::damaged) return errc::storage_corrupt;
      if (condition == Condition::blank) continue;
      const auto tag = head_of(sector(i)).tag;
      if (tag < least_tag_) continue;
      if (newest != 0 && tag != newest) return errc::storage_corrupt;
      newest = tag;
    }
    return false;
  }

  std::string_view sectors_;
  std::uint64_t least_tag_ = 0;
  std::size_t at_ = 0;
  std::string content_;
};

result<std::string> read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return errc::storage_failed;
  std::string bytes;
  struct stat status {};
  bool good = ::fstat(file, &status) == 0;
  if (good) bytes.resize(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (good && done < bytes.size()) {
    const auto size = ::read(file, bytes.data() + done, bytes.size() - done);
    if (size < 0 && errno == EINTR) continue;
    good = size > 0;
    if (good) done += static_cast<std::size_t>(size);
  }
  ::close(file);
  if (!good) return errc::storage_failed;
  return bytes;
}

}  // namespace

void Segment::Free::operator()(char* memory) const { std::free(memory); }

result<std::unique_ptr<Segment>> Segment::open(const std::string& path, std::uint64_t position) {
  constexpr int flags = O_CREAT | O_RDWR | O_CLOEXEC | O_DSYNC;
  // Where another disk's records end, this one may not take a write; the page cache does.
  int file = position != 0 ? -1 : ::open(path.c_str(), flags | O_DIRECT, 0600);
  const bool direct = file >= 0;
  if (!direct && (position != 0 || errno == EINVAL)) file = ::open(path.c_str(), flags, 0600);
  struct stat status {};
  if (file < 0 || ::fstat(file, &status) != 0) {
    if (file >= 0) ::close(file);
    return errc::storage_failed;
  }
  const auto there = round_up(static_cast<std::uint64_t>(status.st_size), memory_alignment);
  std::unique_ptr<Segment> segment(new Segment(file, there));
  segment->reserve(sector_bytes);
  if (direct) {
    // Behind a file's end any read is good: first there has to be something.
    if (there == 0) {
      if (const auto filled = segment->fill_ahead(least_fill); !filled) return filled.error();
    }
    segment->find_alignment();
  } else {
    segment->alignment_ = sector_bytes;
  }
  segment->position_ = position;
  return segment;
}

Segment::~Segment() { ::close(file_); }

// Disks of 512-byte sectors, and file systems over them, take such writes; others take pages. Asking costs a
// read.
void Segment::find_alignment() {
  ssize_t size;
  do {
    size = ::pread(file_, buffer_.get(), sector_bytes, 0);
  } while (size < 0 && errno == EINTR);
  alignment_ = size < 0 ? memory_alignment : sector_bytes;
}

void Segment::reserve(std::size_t bytes) {
  if (bytes <= buffer_bytes_) return;
  buffer_bytes_ = round_up(std::max(bytes, 2 * buffer_bytes_), memory_alignment);
  buffer_.reset(static_cast<char*>(std::aligned_alloc(memory_alignment, buffer_bytes_)));
  if (!buffer_) throw std::bad_alloc();
}

std::uint64_t Segment::size_with(std::size_t content_bytes) const {
  return position_ + round_up(sectors_for(content_bytes) * sector_bytes, alignment_);
}

result<void> Segment::append(const Record& record) {
  const auto bytes = size_with(record.content.size()) - position_;
  const auto sectors = static_cast<std::uint32_t>(bytes / sector_bytes);
  reserve(bytes);
  const RecordHead head{record.content.size(), XXH3_64bits(record.content.data(), record.content.size()),
                        sectors, static_cast<std::uint32_t>(record.kind)};
  auto rest = record.content;
  for (std::uint32_t i = 0; i < sectors; ++i) {
    char* const sector = buffer_.get() + i * sector_bytes;
    char* at = sector + sizeof(SectorHead);
    char* const end = sector + sector_bytes;
    if (i == 0) {
      std::memcpy(at, &head, sizeof head);
      at += sizeof head;
    }
    const auto size = std::min(rest.size(), static_cast<std::size_t>(end - at));
    std::copy_n(rest.data(), size, at);  // perhaps nothing: memcpy must not be given that
    rest.remove_prefix(size);
    std::memset(at + size, 0, static_cast<std::size_t>(end - at) - size);
    SectorHead sector_head{0, i, record.tag};
    std::memcpy(sector, &sector_head, sizeof sector_head);
    sector_head.checksum = checksum_of(sector);
    std::memcpy(sector, &sector_head.checksum, sizeof sector_head.checksum);
  }
  // A large record makes its own room: filling first would write everything twice.
  if (position_ + bytes > zeroed_ && bytes < least_fill) {
    if (const auto filled = fill_ahead(position_ + bytes); !filled) return filled;
    return append(record);  // the buffer held the zeros
  }
  if (const auto written = write(buffer_.get(), bytes, position_); !written) return written;
  position_ += bytes;
  zeroed_ = std::max(zeroed_, round_up(position_, memory_alignment));
  return {};
}

result<void> Segment::fill_ahead(std::uint64_t end) {
  const auto more = std::clamp(zeroed_, least_fill, greatest_fill);
  const auto until = round_up(std::max(end, zeroed_ + more), memory_alignment);
  reserve(until - zeroed_);
  std::memset(buffer_.get(), 0, until - zeroed_);
  if (const auto written = write(buffer_.get(), until - zeroed_, zeroed_); !written) return written;
  zeroed_ = until;
  return {};
}

result<void> Segment::write(const char* data, std::size_t size, std::uint64_t at) {
  while (size > 0) {
    const auto written = ::pwrite(file_, data, size, static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return errc::storage_failed;
    data += written;
    size -= static_cast<std::size_t>(written);
    at += static_cast<std::uint64_t>(written);
  }
  return {};
}

result<std::uint64_t> Segment::read(const std::string& path,
                                    const std::function<bool(const Record&)>& visit) {
  const auto bytes = read_file(path);
  if (!bytes) return bytes.error();
  Reader reader(*bytes);
  while (true) {
    Record record{};
    const auto position = reader.position();
    const auto found = reader.next(record);
    if (!found) return found.error();
    if (!*found || !visit(record)) return position;
  }
}

}  // namespace revoked::engine
