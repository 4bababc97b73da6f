#include "engine/tables/checkpoint_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/base/digest.hpp"

namespace revoked::engine {
namespace {

constexpr std::size_t sum_bytes = sizeof(Digest);
// At most this much is unsynced at a time: commits sync to the same disk.
constexpr std::uint64_t sync_bytes = 8 << 20;

void check(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

void write_at(int file, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    check(written > 0, "checkpoint");
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

bool read_at(int file, char* out, std::size_t size, std::uint64_t offset) {
  while (size != 0) {
    const auto got = ::pread(file, out, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    size -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

}  // namespace

BlockWriter::BlockWriter(const std::string& path, std::size_t header_bytes)
    : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)),
      offset_(header_bytes),
      synced_(header_bytes) {
  check(file_ >= 0, "checkpoint");
  block_.reserve(checkpoint_block_bytes + sum_bytes);
}

BlockWriter::~BlockWriter() { ::close(file_); }

void BlockWriter::append(std::string_view bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, checkpoint_block_bytes - block_.size());
    block_.append(part);
    bytes.remove_prefix(part.size());
    if (block_.size() == checkpoint_block_bytes) write_block();
  }
}

void BlockWriter::pad() {
  if (!block_.empty()) append(std::string(checkpoint_block_bytes - block_.size(), '\0'));
}

void BlockWriter::write_block() {
  const auto sum = sha256(block_);
  block_.append(reinterpret_cast<const char*>(sum.data()), sum.size());
  write_at(file_, block_, offset_);
  offset_ += block_.size();
  block_.clear();
  if (offset_ - synced_ < sync_bytes) return;
  check(::fdatasync(file_) == 0, "checkpoint");
  synced_ = offset_;
}

void BlockWriter::finish(std::string_view header) {
  if (!block_.empty()) write_block();
  write_at(file_, header, 0);
  check(::fsync(file_) == 0, "checkpoint");
}

BlockReader::BlockReader(const std::string& path, std::size_t header_bytes)
    : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), header_bytes_(header_bytes) {}

BlockReader::~BlockReader() {
  if (file_ >= 0) ::close(file_);
}

bool BlockReader::read_header(std::string& header) const {
  header.resize(header_bytes_);
  return read_at(file_, header.data(), header.size(), 0);
}

std::uint64_t BlockReader::block_count() const {
  return (size_ + checkpoint_block_bytes - 1) / checkpoint_block_bytes;
}

bool BlockReader::set_size(std::uint64_t bytes) {
  struct stat found {};
  if (::fstat(file_, &found) != 0) return false;
  const auto in_file = static_cast<std::uint64_t>(found.st_size);
  if (bytes > in_file) return false;  // prevents overflow in the multiplication below
  size_ = bytes;
  return in_file == header_bytes_ + bytes + block_count() * sum_bytes;
}

bool BlockReader::read(std::uint64_t block, std::string& bytes) const {
  if (block >= block_count()) return false;
  const auto begin = block * checkpoint_block_bytes;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(checkpoint_block_bytes, size_ - begin));
  bytes.resize(size + sum_bytes);
  if (!read_at(file_, bytes.data(), bytes.size(), header_bytes_ + begin + block * sum_bytes)) return false;
  const auto sum = sha256(std::string_view(bytes).substr(0, size));
  if (std::memcmp(sum.data(), bytes.data() + size, sum_bytes) != 0) return false;
  bytes.resize(size);
  return true;
}

bool BlockReader::read_next(char* out, std::size_t size) {
  while (size != 0) {
    if (at_ == held_.size()) {
      if (!read(next_, held_)) return false;
      ++next_;
      at_ = 0;
    }
    const auto part = std::min(size, held_.size() - at_);
    std::memcpy(out, held_.data() + at_, part);
    out += part;
    at_ += part;
    size -= part;
  }
  return true;
}

void put_in_place(const std::string& from, const std::string& to) {
  const auto slash = to.rfind('/');
  const auto directory = slash == std::string::npos ? std::string(".") : to.substr(0, slash + 1);
  const int handle = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = handle >= 0 && std::rename(from.c_str(), to.c_str()) == 0 && ::fsync(handle) == 0;
  if (handle >= 0) ::close(handle);
  if (!done) throw std::system_error(errno, std::generic_category(), "checkpoint");
}

bool for_each_block(std::uint64_t begin, std::uint64_t end, const std::function<bool(std::uint64_t)>& visit) {
  std::atomic<std::uint64_t> next{begin};
  std::atomic<bool> good{true};
  const auto work = [&] {
    for (auto block = next++; block < end && good; block = next++) {
      if (!visit(block)) good = false;
    }
  };
  constexpr unsigned max_threads = 16;
  std::vector<std::thread> others;
  for (unsigned i = 1; i < std::min(max_threads, std::thread::hardware_concurrency()); ++i)
    others.emplace_back(work);
  work();
  for (auto& other : others) other.join();
  return good;
}

}  // namespace revoked::engine
