#pragma once
// Texts that must outlive their source. The views that `keep` returns stay valid until `clear`, however many
// follow. One thread at a time.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace revoked::net {

class KeptTexts {
 public:
  static constexpr std::size_t block_bytes = 64 << 10;

  std::string_view keep(std::string_view text) {
    if (text.empty()) return {};
    while (used_blocks_ == 0 || blocks_[used_blocks_ - 1].size - used_ < text.size()) next_block(text.size());
    char* const at = blocks_[used_blocks_ - 1].bytes.get() + used_;
    std::memcpy(at, text.data(), text.size());
    used_ += text.size();
    bytes_ += text.size();
    return {at, text.size()};
  }

  std::size_t bytes() const { return bytes_; }

  // Keeps the memory for reuse.
  void clear() { used_blocks_ = used_ = bytes_ = 0; }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };

  // A block from before a clear() may be too small for a long text: it is skipped.
  void next_block(std::size_t least) {
    used_ = 0;
    if (used_blocks_++ < blocks_.size()) return;
    const auto size = std::max(block_bytes, least);
    blocks_.push_back({std::make_unique<char[]>(size), size});
  }

  std::vector<Block> blocks_;
  std::size_t used_blocks_ = 0;  // the last of them is being filled
  std::size_t used_ = 0;         // of that block
  std::size_t bytes_ = 0;
};

}  // namespace revoked::net
