#pragma once
// The blocks of a checkpoint file; see checkpoint.hpp for the format. Not thread-safe, except
// BlockReader::read.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace revoked::engine {

inline constexpr std::size_t checkpoint_block_bytes = 1 << 20;

// Throws std::system_error on a disk error.
class BlockWriter {
 public:
  // Blocks start after the first `header_bytes`.
  BlockWriter(const std::string& path, std::size_t header_bytes);
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  void append(std::string_view bytes);
  template <class T>
  void append_value(const T& value) {
    append({reinterpret_cast<const char*>(&value), sizeof value});
  }
  void pad();  // with zeros, to a whole block
  std::uint64_t size() const { return size_; }
  // Writes the last block and the header, then syncs.
  void finish(std::string_view header);

 private:
  void write_block();

  int file_;
  std::string block_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_;
  std::uint64_t synced_;
};

class BlockReader {
 public:
  // If there is no file, is_open() is false.
  BlockReader(const std::string& path, std::size_t header_bytes);
  ~BlockReader();
  BlockReader(const BlockReader&) = delete;
  BlockReader& operator=(const BlockReader&) = delete;

  bool is_open() const { return file_ >= 0; }
  bool read_header(std::string& header) const;
  // Whether the file has exactly the length of this many bytes in blocks.
  bool set_size(std::uint64_t bytes);
  std::uint64_t block_count() const;

  // False if the block is damaged. From any thread.
  bool read(std::uint64_t block, std::string& bytes) const;

  // Reads all bytes from `block` on, in order. False: end of file, or damaged.
  void seek(std::uint64_t block) {
    next_ = block;
    held_.clear();
    at_ = 0;
  }
  bool read_next(char* out, std::size_t size);
  template <class T>
  bool read_value(T& value) {
    return read_next(reinterpret_cast<char*>(&value), sizeof value);
  }

 private:
  int file_;
  const std::size_t header_bytes_;
  std::uint64_t size_ = 0;
  std::uint64_t next_ = 0;
  std::string held_;
  std::size_t at_ = 0;
};

// Renames a synced file to `to`, in the same directory, and syncs that. Throws std::system_error.
void put_in_place(const std::string& from, const std::string& to);

// Calls visit(block) for each, on all cores; returns false as soon as one call does.
bool for_each_block(std::uint64_t begin, std::uint64_t end, const std::function<bool(std::uint64_t)>& visit);

}  // namespace revoked::engine
