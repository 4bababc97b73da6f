#include "engine/log/segment_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace revoked::engine {
namespace {

constexpr std::uint64_t least_ahead_bytes = 8 << 10;
// Up to this distance, reading on costs less than another step of the search.
constexpr std::uint64_t near_bytes = 32 << 10;
constexpr int guessed_steps = 4;

}  // namespace

SegmentReader::~SegmentReader() { close(); }

void SegmentReader::close() {
  if (file_ >= 0) ::close(file_);
}

result<void> SegmentReader::open(const std::string& path) {
  close();
  buffer_.clear();
  set_position(0);
  ahead_bytes_ = least_ahead_bytes;
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file_ < 0 || ::fstat(file_, &status) != 0) return errno_code();
  size_ = static_cast<std::uint64_t>(status.st_size);
  return {};
}

void SegmentReader::set_position(std::uint64_t position) {
  position_ = position;
  unpacked_.clear();
}

// Returns fewer bytes only at the end of the file.
result<std::string_view> SegmentReader::bytes_at(std::uint64_t at, std::uint64_t count) {
  count = std::min(count, size_ - std::min(at, size_));
  if (at < buffer_at_ || at + count > buffer_at_ + buffer_.size()) {
    const auto wanted = std::min(std::max(count, ahead_bytes_), size_ - at);
    ahead_bytes_ = std::min(2 * ahead_bytes_, most_ahead_bytes_);
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
    if (buffer_.size() < count) return errc::storage_corrupt;  // truncated meanwhile
  }
  return std::string_view(buffer_).substr(at - buffer_at_, count);
}

result<std::string_view> SegmentReader::next(BlockHead& head) {
  if (!unpacked_.empty()) return unpacked_.next(head);
  const auto at = position_;
  const auto block = next_block(head);
  if (!block) return block;
  const auto payload = block->substr(block_head_bytes, head.payload_bytes);
  if (head.kind != BlockKind::packed) return payload;
  if (unpacked_.unpack(head, payload)) {
    unpacked_at_ = at;
    return unpacked_.next(head);
  }
  position_ = at;
  return errc::storage_corrupt;
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

// The first head at or after `at`; `end` if there is none before that.
result<std::uint64_t> SegmentReader::head_from(std::uint64_t at, std::uint64_t end, BlockHead& head) {
  for (; at < end; at += sector_bytes) {
    const auto bytes = bytes_at(at, sector_bytes);
    if (!bytes) return bytes.error();
    if (read_block_head(*bytes, head)) return at;
  }
  return end;
}

// Interpolation search, since events have similar sizes: the first steps go a little before and a little
// after the expected position in turn; the others halve the range.
result<void> SegmentReader::seek(Sequence sequence, Within within) {
  std::uint64_t begin = 0;  // a block that is not after the sequence begins here
  auto& [end, first, behind] = within;
  end = std::min(end, size_) / sector_bytes * sector_bytes;
  for (int step = 0; end > begin + near_bytes; ++step) {
    auto middle = (begin + end) / 2;
    if (step < guessed_steps && first <= sequence && sequence < behind) {
      const auto part = static_cast<double>(sequence - first) / static_cast<double>(behind - first);
      const auto guess = begin + static_cast<std::uint64_t>(part * static_cast<double>(end - begin));
      middle = step % 2 == 0 ? guess - std::min(guess, near_bytes / 2) : guess + near_bytes / 2;
    }
    middle = std::clamp(middle / sector_bytes * sector_bytes, begin + sector_bytes, end - sector_bytes);
    BlockHead head;
    ahead_bytes_ = least_ahead_bytes;
    const auto found = head_from(middle, end, head);
    if (!found) return found.error();
    if (*found < end && head.first <= sequence) {
      begin = *found;
      first = head.first;
    } else {
      end = middle;
      if (*found < end) behind = head.first;
    }
  }
  set_position(begin);
  return walk(sequence, end);
}

// Follows the heads from block to block, without reading or unpacking the payloads before the wanted one.
result<void> SegmentReader::walk(Sequence sequence, std::uint64_t end) {
  while (true) {
    BlockHead head;
    auto bytes = bytes_at(position_, sector_bytes);
    if (!bytes) return bytes.error();
    if (!read_block_head(*bytes, head)) return {};
    const auto behind = position_ + block_size(head.payload_bytes);
    if (behind >= end) return {};
    bytes = bytes_at(behind, sector_bytes);
    if (!bytes) return bytes.error();
    if (!read_block_head(*bytes, head) || head.first > sequence) return {};
    position_ = behind;
  }
}

}  // namespace revoked::engine
