#include "engine/tables/compact_id.hpp"

#include <cstring>
#include <stdexcept>

#include "engine/base/keyed_hash.hpp"
#include "engine/base/uuid.hpp"

namespace revoked::engine {
namespace {

constexpr std::size_t kind_byte = 8;
constexpr std::uint8_t long_kind = 0x40;
constexpr std::size_t max_inline = 15;
using Words = Uuid;

// Other variants than that of RFC 9562 would collide with the other kinds of byte 8.
bool pack_uuid(std::string_view text, Words& words) {
  return parse_uuid(text, words) && (words[1] & 0xc0) == 0x80;
}

// Up to 8 characters as a word.
std::uint64_t word_of(std::string_view text) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    word |= std::uint64_t{static_cast<std::uint8_t>(text[i])} << (i * 8);
  return word;
}

// Characters 0-7 are stored in bytes 0-7, the rest in bytes 9-15.
std::size_t place_of(std::size_t i) { return i < kind_byte ? i : i + 1; }

}  // namespace

std::uint64_t IdArena::add(std::string_view text) {
  const MutexLock lock(mutex_);
  if (const auto free = free_.find(text.size()); reuse_ && free != free_.end() && !free->second.empty()) {
    const auto offset = free->second.back();
    free->second.pop_back();
    std::memcpy(owned_[offset / chunk_size].get() + offset % chunk_size, text.data(), text.size());
    return offset;
  }
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

void IdArena::release(std::uint64_t offset, std::size_t size) {
  const MutexLock lock(mutex_);
  free_[size].push_back(offset);
}

void IdArena::set_reuse(bool on) {
  const MutexLock lock(mutex_);
  reuse_ = on;
}

void IdArena::restore(std::string_view piece) {
  const MutexLock lock(mutex_);
  owned_.push_back(std::make_unique<char[]>(chunk_size));
  chunks_[owned_.size() - 1].store(owned_.back().get(), std::memory_order_release);
  std::memcpy(owned_.back().get(), piece.data(), std::min(piece.size(), chunk_size));
  used_ = (owned_.size() - 1) * chunk_size + piece.size();
}

std::string_view IdArena::get(std::uint64_t offset, std::size_t size) const {
  return {chunks_[offset / chunk_size].load(std::memory_order_acquire) + offset % chunk_size, size};
}

IdProbe::IdProbe(std::string_view id) : text(id) {
  if (pack_uuid(id, words)) {
    hash = keyed_hash(words);
  } else if (id.size() <= max_inline) {
    words = {word_of(id.substr(0, 8)), id.size() | word_of(id.size() > 8 ? id.substr(8) : "") << 8};
    hash = keyed_hash(words);
  } else {
    is_long = true;
    hash = keyed_hash(id);
  }
}

CompactId::CompactId(const IdProbe& probe, IdArena& arena) : words_(probe.words) {
  if (!probe.is_long) return;
  const auto offset = arena.add(probe.text);
  words_ = {probe.hash, long_kind | offset << 8 | std::uint64_t{probe.text.size() - 1} << 56};
}

bool CompactId::is_long() const { return byte(kind_byte) == long_kind; }

std::uint64_t CompactId::hash() const { return is_long() ? words_[0] : keyed_hash(words_); }

void CompactId::release(IdArena& arena) const {
  if (!is_long()) return;
  const auto text = long_text(arena);
  arena.release(words_[1] << 8 >> 16, text.size());
}

CompactId CompactId::without_hash() const {
  CompactId id = *this;
  if (is_long()) id.words_[0] = 0;
  return id;
}

CompactId CompactId::with_hash(const IdArena& arena) const {
  CompactId id = *this;
  if (is_long()) id.words_[0] = keyed_hash(long_text(arena));
  return id;
}

std::string_view CompactId::long_text(const IdArena& arena) const {
  return arena.get(words_[1] << 8 >> 16, (words_[1] >> 56) + 1);
}

bool CompactId::matches(const IdProbe& probe, const IdArena& arena) const {
  if (!probe.is_long) return ((words_[0] ^ probe.words[0]) | (words_[1] ^ probe.words[1])) == 0;
  return is_long() && words_[0] == probe.hash && long_text(arena) == probe.text;
}

void CompactId::append_to(std::string& out, const IdArena& arena) const {
  const auto kind = byte(kind_byte);
  if (kind == long_kind) {
    out.append(long_text(arena));
  } else if ((kind & 0xc0) == 0x80) {
    char text[uuid_text_size];
    write_uuid(words_, text);
    out.append(text, sizeof text);
  } else {
    for (std::size_t i = 0; i < kind; ++i) out.push_back(static_cast<char>(byte(place_of(i))));
  }
}

}  // namespace revoked::engine
