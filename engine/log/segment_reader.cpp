#include "engine/log/segment_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace revoked::engine {
namespace {

constexpr std::uint64_t least_ahead_bytes = 8 << 10;
constexpr std::uint64_t most_ahead_bytes = 1 << 20;
// So near, reading on costs less than another step of the search.
constexpr std::uint64_t near_bytes = 16 << 10;

}  // namespace

SegmentReader::~SegmentReader() { close(); }

void SegmentReader::close() {
  if (file_ >= 0) ::close(file_);
}

result<void> SegmentReader::open(const std::string& path) {
  close();
  buffer_.clear();
  position_ = 0;
  ahead_bytes_ = least_ahead_bytes;
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file_ < 0 || ::fstat(file_, &status) != 0) return errno_code();
  size_ = static_cast<std::uint64_t>(status.st_size);
  return {};
}

// Fewer only where the file ends.
result<std::string_view> SegmentReader::bytes_at(std::uint64_t at, std::uint64_t count) {
  count = std::min(count, size_ - std::min(at, size_));
  if (at < buffer_at_ || at + count > buffer_at_ + buffer_.size()) {
    const auto wanted = std::min(std::max(count, ahead_bytes_), size_ - at);
    ahead_bytes_ = std::min(2 * ahead_bytes_, most_ahead_bytes);
    buffer_.resize(wanted);
    buffer_at_ = at;
    for (std::size_t done = 0; done < wanted;) {
      const auto size = ::pread(file_, buffer_.data() + done, wanted - done, static_cast<off_t>(at + done));
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) {
        const auto failure = errno_code();
        buffer_.clear();
        return failure;
      }
      if (size == 0) buffer_.resize(done);
      if (size == 0) break;
      done += static_cast<std::size_t>(size);
    }
    if (buffer_.size() < count) return errc::storage_corrupt;  // cut meanwhile
  }
  return std::string_view(buffer_).substr(at - buffer_at_, count);
}

result<std::string_view> SegmentReader::next(BlockHead& head) {
  const auto block = next_block(head);
  if (!block) return block;
  return block->substr(block_head_bytes, head.payload_bytes);
}

result<std::string_view> SegmentReader::next_block(BlockHead& head) {
  auto bytes = bytes_at(position_, sector_bytes);
  if (!bytes) return bytes.error();
  if (!read_block_head(*bytes, head)) return errc::storage_corrupt;
  const auto size = block_size(head.payload_bytes);
  if (size > sector_bytes) bytes = bytes_at(position_, size);
  if (!bytes) return bytes.error();
  if (!is_block_whole(*bytes, head)) return errc::storage_corrupt;
  position_ += size;
  return bytes->substr(0, size);
}

// The first head at or behind a place; `end` if there is none before that.
result<std::uint64_t> SegmentReader::head_from(std::uint64_t at, std::uint64_t end, BlockHead& head) {
  for (; at < end; at += sector_bytes) {
    const auto bytes = bytes_at(at, sector_bytes);
    if (!bytes) return bytes.error();
    if (read_block_head(*bytes, head)) return at;
  }
  return end;
}

result<void> SegmentReader::seek(Sequence sequence, std::uint64_t end) {
  std::uint64_t begin = 0;  // a block that does not come behind the sequence begins here
  end = std::min(end, size_) / sector_bytes * sector_bytes;
  while (end > begin + near_bytes) {
    const auto middle = (begin + end) / 2 / sector_bytes * sector_bytes;
    BlockHead head;
    ahead_bytes_ = least_ahead_bytes;
    const auto found = head_from(middle, end, head);
    if (!found) return found.error();
    if (*found < end && head.first <= sequence)
      begin = *found;
    else
      end = middle;
  }
  position_ = begin;
  return {};
}

}  // namespace revoked::engine
