#pragma once
// Bytes to which log records are appended. Grows without first setting the bytes that are about to be
// written, which costs a std::string more than the copies themselves. One thread.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace revoked::net {

class RecordBytes {
 public:
  std::size_t size() const { return size_; }
  std::string_view view() const { return {bytes_.get(), size_}; }

  // Room for `count` bytes at the end, to be written by the caller. Valid until the next call.
  char* extend(std::size_t count) {
    if (capacity_ - size_ < count) grow(count);
    size_ += count;
    return bytes_.get() + size_ - count;
  }
  char* at(std::size_t place) { return bytes_.get() + place; }
  // Leaves out what is behind.
  void truncate(std::size_t size) { size_ = size; }
  // Empties it, and gives its memory back if that is more than `kept`.
  void clear(std::size_t kept) {
    size_ = 0;
    if (capacity_ > kept) {
      bytes_.reset();
      capacity_ = 0;
    }
  }

 private:
  static constexpr std::size_t least = 512;  // a usual record

  void grow(std::size_t count) {
    const auto capacity = std::max({least, 2 * capacity_, size_ + count});
    auto more = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ != 0) std::memcpy(more.get(), bytes_.get(), size_);
    bytes_ = std::move(more);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace revoked::net
