#include "engine/compact_id.hpp"

#include <cstring>
#include <stdexcept>

#include "engine/hex.hpp"

namespace revoked::engine {
namespace {

constexpr std::size_t kind_byte = 8;
constexpr std::uint8_t long_kind = 0x40;
constexpr std::size_t max_inline = 15;

// The finaliser of MurmurHash3 (public domain): every input bit reaches every output bit.
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

std::uint64_t hash_of(const std::array<std::uint8_t, 16>& bytes) {
  std::uint64_t halves[2];
  std::memcpy(halves, bytes.data(), sizeof halves);
  return mix(halves[0] ^ mix(halves[1] + 0x9e3779b97f4a7c15ULL));
}

// Lower-case digits only: other text would not come back as it was.
bool pack_uuid(std::string_view text, std::array<std::uint8_t, 16>& bytes) {
  if (text.size() != 36) return false;
  if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;
  const char* const from = text.data();
  const auto seen = hex::decode(from, 4, &bytes[0]) | hex::decode(from + 9, 2, &bytes[4]) |
                    hex::decode(from + 14, 2, &bytes[6]) | hex::decode(from + 19, 2, &bytes[8]) |
                    hex::decode(from + 24, 6, &bytes[10]);
  return seen == 0 && (bytes[kind_byte] & 0xc0) == 0x80;
}

// Characters 0-7 go to bytes 0-7, the rest to bytes 9-15.
std::size_t place_of(std::size_t i) { return i < kind_byte ? i : i + 1; }

}  // namespace

std::uint64_t IdArena::add(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  auto in_chunk = used_ % chunk_size;
  if (used_ == owned_.size() * chunk_size || in_chunk + text.size() > chunk_size) {
    if (owned_.size() == max_chunks) throw std::length_error("too many long ids");
    used_ = owned_.size() * chunk_size;
    owned_.push_back(std::make_unique<char[]>(chunk_size));
    chunks_[owned_.size() - 1].store(owned_.back().get(), std::memory_order_release);
    in_chunk = 0;
  }
  std::memcpy(owned_.back().get() + in_chunk, text.data(), text.size());
  const auto offset = used_;
  used_ += text.size();
  return offset;
}

void IdArena::restore(std::string_view piece) {
  const std::scoped_lock lock(mutex_);
  owned_.push_back(std::make_unique<char[]>(chunk_size));
  chunks_[owned_.size() - 1].store(owned_.back().get(), std::memory_order_release);
  std::memcpy(owned_.back().get(), piece.data(), std::min(piece.size(), chunk_size));
  used_ = (owned_.size() - 1) * chunk_size + piece.size();
}

std::string_view IdArena::get(std::uint64_t offset, std::size_t size) const {
  return {chunks_[offset / chunk_size].load(std::memory_order_acquire) + offset % chunk_size, size};
}

IdProbe::IdProbe(std::string_view id) : text(id) {
  if (pack_uuid(id, bytes)) {
    hash = hash_of(bytes);
  } else if (id.size() <= max_inline) {
    bytes.fill(0);
    for (std::size_t i = 0; i < id.size(); ++i) bytes[place_of(i)] = static_cast<std::uint8_t>(id[i]);
    bytes[kind_byte] = static_cast<std::uint8_t>(id.size());
    hash = hash_of(bytes);
  } else {
    is_long = true;
    std::uint64_t h = id.size();
    for (std::size_t i = 0; i < id.size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, id.data() + i, std::min<std::size_t>(8, id.size() - i));
      h = mix(h * 0x9e3779b97f4a7c15ULL ^ word);
    }
    hash = h;
  }
}

CompactId::CompactId(const IdProbe& probe, IdArena& arena) : bytes_(probe.bytes) {
  if (!probe.is_long) return;
  const auto offset = arena.add(probe.text);
  std::memcpy(bytes_.data(), &probe.hash, 8);
  bytes_[kind_byte] = long_kind;
  std::memcpy(bytes_.data() + 9, &offset, 6);
  bytes_[15] = static_cast<std::uint8_t>(probe.text.size());
}

std::uint64_t CompactId::hash() const {
  if (bytes_[kind_byte] != long_kind) return hash_of(bytes_);
  std::uint64_t hash;
  std::memcpy(&hash, bytes_.data(), 8);
  return hash;
}

std::string_view CompactId::long_text(const IdArena& arena) const {
  std::uint64_t offset = 0;
  std::memcpy(&offset, bytes_.data() + 9, 6);
  return arena.get(offset, bytes_[15]);
}

bool CompactId::matches(const IdProbe& probe, const IdArena& arena) const {
  if (!probe.is_long) return bytes_ == probe.bytes;
  if (bytes_[kind_byte] != long_kind) return false;
  return std::memcmp(bytes_.data(), &probe.hash, 8) == 0 && long_text(arena) == probe.text;
}

void CompactId::append_to(std::string& out, const IdArena& arena) const {
  const auto kind = bytes_[kind_byte];
  if (kind == long_kind) {
    out.append(long_text(arena));
  } else if ((kind & 0xc0) == 0x80) {
    char text[36];
    std::size_t at = 0;
    for (std::size_t i = 0; i < 16; ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
      text[at++] = "0123456789abcdef"[bytes_[i] >> 4];
      text[at++] = "0123456789abcdef"[bytes_[i] & 15];
    }
    out.append(text, sizeof text);
  } else {
    for (std::size_t i = 0; i < kind; ++i) out.push_back(static_cast<char>(bytes_[place_of(i)]));
  }
}

}  // namespace revoked::engine
