#pragma once
// The file that a log is written to. A synced write is cheapest if the file system changes nothing but the
// data: so the file is filled with zeros ahead, and writes bypass the page cache (O_DIRECT, if the file
// system supports it). Its size is a multiple of `room_bytes` before anything is written there: a file of
// another size was truncated.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/log/block.hpp"
#include "engine/log/log.hpp"

namespace revoked::engine {

// Not thread-safe. Errors are the system's; after one the file must not be written any more.
class SegmentFile {
 public:
  static constexpr std::uint64_t room_bytes = 1 << 20;

  // Creates the file.
  static result<std::unique_ptr<SegmentFile>> create(const std::string& path, Synced synced);
  // Opens an existing file to continue at `position`, the end of a block.
  static result<std::unique_ptr<SegmentFile>> open(const std::string& path, std::uint64_t position,
                                                   Synced synced);
  ~SegmentFile();
  SegmentFile(const SegmentFile&) = delete;
  SegmentFile& operator=(const SegmentFile&) = delete;

  // Synced on return, if each append is. Sets the sums in `head`. After an error the outcome is unknown.
  result<void> append(BlockHead& head, std::string_view payload);
  result<void> sync();
  std::uint64_t position() const { return position_; }

 private:
  struct Freed {
    void operator()(char* memory) const;
  };

  SegmentFile(int file, std::uint64_t position) : file_(file), position_(position), zeroed_(position) {}
  static result<std::unique_ptr<SegmentFile>> made(int file, std::uint64_t position);
  result<void> make_room(std::uint64_t bytes);
  result<void> write(const char* data, std::size_t size, std::uint64_t at);
  void reserve(std::size_t bytes);

  int file_;
  std::uint64_t position_;
  std::uint64_t size_ = 0;
  std::uint64_t zeroed_;  // up to here the file's blocks are allocated on disk
  std::unique_ptr<char, Freed> buffer_;
  std::size_t buffer_bytes_ = 0;
};

}  // namespace revoked::engine
