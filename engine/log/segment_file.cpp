#include "engine/log/segment_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

namespace revoked::engine {
namespace {

constexpr std::size_t memory_alignment = 4096;
constexpr std::uint64_t fill_bytes = 256 << 10;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// With O_DIRECT if sectors can be read that way, otherwise through the page cache.
int open_file(const std::string& path, int flags, Synced synced) {
  flags |= O_RDWR | O_CLOEXEC;
  if (synced == Synced::each_segment) return ::open(path.c_str(), flags, 0600);
  flags |= O_DSYNC;
  const int direct = ::open(path.c_str(), flags | O_DIRECT, 0600);
  if (direct >= 0) {
    alignas(memory_alignment) char sector[sector_bytes];
    ssize_t read;
    do {
      read = ::pread(direct, sector, sector_bytes, 0);  // fails on disks with larger sectors
    } while (read < 0 && errno == EINTR);
    if (read >= 0) return direct;
    ::close(direct);
    flags &= ~(O_CREAT | O_EXCL);
  } else if (errno != EINVAL) {
    return -1;
  }
  return ::open(path.c_str(), flags, 0600);
}

}  // namespace

void SegmentFile::Freed::operator()(char* memory) const { std::free(memory); }

result<std::unique_ptr<SegmentFile>> SegmentFile::create(const std::string& path, Synced synced) {
  return made(open_file(path, O_CREAT | O_EXCL, synced), 0);
}

result<std::unique_ptr<SegmentFile>> SegmentFile::open(const std::string& path, std::uint64_t position,
                                                       Synced synced) {
  auto file = made(open_file(path, 0, synced), position);
  // It may have been a copy before.
  if (file && synced == Synced::each_append) {
    if (const auto done = (*file)->sync(); !done) return done.error();
  }
  return file;
}

result<std::unique_ptr<SegmentFile>> SegmentFile::made(int file, std::uint64_t position) {
  if (file < 0) return errno_code();
  std::unique_ptr<SegmentFile> segment(new SegmentFile(file, position));
  struct stat status {};
  if (::fstat(file, &status) != 0) return errno_code();
  segment->size_ = static_cast<std::uint64_t>(status.st_size);
  return segment;
}

result<void> SegmentFile::sync() {
  if (::fdatasync(file_) != 0) return errno_code();
  return {};
}

SegmentFile::~SegmentFile() { ::close(file_); }

void SegmentFile::reserve(std::size_t bytes) {
  if (bytes <= buffer_bytes_) return;
  buffer_bytes_ = round_up(std::max(bytes, 2 * buffer_bytes_), memory_alignment);
  buffer_.reset(static_cast<char*>(std::aligned_alloc(memory_alignment, buffer_bytes_)));
  if (!buffer_) throw std::bad_alloc();
}

result<void> SegmentFile::append(BlockHead& head, std::string_view payload) {
  const auto bytes = block_size(payload.size());
  if (const auto room = make_room(bytes); !room) return room;
  reserve(bytes);
  write_block(buffer_.get(), head, payload);
  if (const auto written = write(buffer_.get(), bytes, position_); !written) return written;
  position_ += bytes;
  zeroed_ = std::max(zeroed_, position_);
  return {};
}

result<void> SegmentFile::make_room(std::uint64_t bytes) {
  const auto end = position_ + bytes;
  if (end > size_) {
    const auto size = round_up(end, room_bytes);
    int resized;
    do {
      resized = ::ftruncate(file_, static_cast<off_t>(size));
    } while (resized != 0 && errno == EINTR);
    if (resized != 0) return errno_code();
    size_ = size;
  }
  // No zeros ahead of a large block: everything would be written twice.
  if (end <= zeroed_ || bytes >= fill_bytes) return {};
  const auto until = std::min(size_, round_up(end + fill_bytes, fill_bytes));
  reserve(until - zeroed_);
  std::memset(buffer_.get(), 0, until - zeroed_);
  if (const auto written = write(buffer_.get(), until - zeroed_, zeroed_); !written) return written;
  zeroed_ = until;
  return {};
}

result<void> SegmentFile::write(const char* data, std::size_t size, std::uint64_t at) {
  while (size > 0) {
    const auto written = ::pwrite(file_, data, size, static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written == 0) errno = EIO;
    if (written <= 0) return errno_code();
    data += written;
    size -= static_cast<std::size_t>(written);
    at += static_cast<std::uint64_t>(written);
  }
  return {};
}

}  // namespace revoked::engine
