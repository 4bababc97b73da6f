#include "engine/log/packed_blocks.hpp"

#include <zstd.h>

#include <cstring>
#include <new>

namespace revoked::engine {
namespace {

constexpr int level = 1;

struct PackedStart {
  std::uint32_t blocks;
  BlockSum last;
};
static_assert(sizeof(PackedStart) == 20);

struct BlockStart {
  std::uint32_t events;
  std::uint32_t payload_bytes;
};

template <class T>
T* made(T* context) {
  if (context == nullptr) throw std::bad_alloc();
  return context;
}

}  // namespace

struct BlockPacker::Context {
  ZSTD_CCtx* zstd = made(ZSTD_createCCtx());
  ~Context() { ZSTD_freeCCtx(zstd); }
};

BlockPacker::BlockPacker() : context_(std::make_unique<Context>()) {}
BlockPacker::~BlockPacker() = default;

bool BlockPacker::has_room(std::size_t payload_bytes) const {
  return count_ < most_packed_blocks &&
         raw_.size() + sizeof(BlockStart) + payload_bytes <= usual_unpacked_bytes;
}

void BlockPacker::add(const BlockHead& head, std::string_view payload) {
  if (empty()) head_ = {BlockKind::packed, Codec::zstd, head.number, head.first, 0, 0, 0, head.before, {}};
  const BlockStart start{head.events, static_cast<std::uint32_t>(payload.size())};
  raw_.append(reinterpret_cast<const char*>(&start), sizeof start).append(payload);
  head_.events += head.events;
  last_ = head.sum;
  ++count_;
}

bool BlockPacker::flush(std::string& out) {
  const bool packed = raw_.size() <= most_unpacked_bytes && pack(out);
  raw_.clear();
  count_ = 0;
  return packed;
}

bool BlockPacker::pack(std::string& out) {
  const PackedStart start{count_, last_};
  payload_.resize(sizeof start + ZSTD_compressBound(raw_.size()));
  std::memcpy(payload_.data(), &start, sizeof start);
  const auto size = ZSTD_compressCCtx(context_->zstd, payload_.data() + sizeof start,
                                      payload_.size() - sizeof start, raw_.data(), raw_.size(), level);
  if (ZSTD_isError(size)) return false;
  payload_.resize(sizeof start + size);
  head_.raw_bytes = static_cast<std::uint32_t>(raw_.size());
  const auto at = out.size();
  out.resize(at + block_size(payload_.size()));
  write_block(out.data() + at, head_, payload_);
  return true;
}

struct UnpackedBlocks::Context {
  ZSTD_DCtx* zstd = made(ZSTD_createDCtx());
  ~Context() { ZSTD_freeDCtx(zstd); }
};

UnpackedBlocks::UnpackedBlocks() = default;
UnpackedBlocks::~UnpackedBlocks() = default;

void UnpackedBlocks::clear() {
  blocks_.clear();
  next_ = 0;
}

bool UnpackedBlocks::unpack(const BlockHead& packed, std::string_view payload) {
  clear();
  PackedStart start;
  if (packed.codec != Codec::zstd || payload.size() < sizeof start) return false;
  std::memcpy(&start, payload.data(), sizeof start);
  if (start.blocks == 0 || start.blocks > most_packed_blocks) return false;
  if (inflate(packed.raw_bytes, payload.substr(sizeof start)) && chain(packed, start.blocks, start.last))
    return true;
  clear();
  return false;
}

bool UnpackedBlocks::inflate(std::uint32_t raw_bytes, std::string_view frame) {
  if (raw_bytes > most_unpacked_bytes || ZSTD_getFrameContentSize(frame.data(), frame.size()) != raw_bytes)
    return false;
  if (!context_) context_ = std::make_unique<Context>();
  raw_.resize(raw_bytes);
  return ZSTD_decompressDCtx(context_->zstd, raw_.data(), raw_.size(), frame.data(), frame.size()) ==
         raw_bytes;
}

// Restores the original heads.
bool UnpackedBlocks::chain(const BlockHead& packed, std::uint32_t count, const BlockSum& last) {
  BlockHead head{BlockKind::batch, Codec::none, packed.number, packed.first, 0, 0, 0, packed.before, {}};
  std::size_t at = 0;
  while (blocks_.size() < count) {
    BlockStart start;
    if (raw_.size() - at < sizeof start) return false;
    std::memcpy(&start, raw_.data() + at, sizeof start);
    at += sizeof start;
    if (raw_.size() - at < start.payload_bytes) return false;
    head.events = start.events;
    head.payload_bytes = head.raw_bytes = start.payload_bytes;
    head.sum = sum_of_block(head, std::string_view(raw_).substr(at, start.payload_bytes));
    blocks_.push_back({head, at});
    at += start.payload_bytes;
    head.number += 1;
    head.first += head.events;
    head.before = head.sum;
  }
  return at == raw_.size() && head.first == packed.first + packed.events && head.before == last;
}

std::string_view UnpackedBlocks::next(BlockHead& head) {
  const auto& block = blocks_[next_++];
  head = block.head;
  return std::string_view(raw_).substr(block.at, head.payload_bytes);
}

}  // namespace revoked::engine
