#pragma once
// One entry of the near cache, in two adjacent cache lines that processors fetch as a pair.
//
// Written by one thread at a time, read by any thread without a lock (a sequence lock): a reader that meets a
// writer gets nothing. All words are atomic, since a reader may read while they change and then discards
// them. Memory orders are on the words instead of fences, because ThreadSanitizer does not support fences.

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>

#include "cache/edge/cached_decision.hpp"
#include "engine/base/atomic_word.hpp"
#include "engine/base/digest_head.hpp"
#include "engine/model/usage.hpp"

namespace revoked::cache {

using engine::DigestHead;

// The content of an entry besides its digest and its ids.
struct EntryFacts {
  using State = Decision::State;
  static constexpr std::uint32_t max_epoch = 0xffffffff;
  static constexpr UnixMs never = std::numeric_limits<UnixMs>::max();

  Position as_of;             // epochs up to max_epoch
  UnixMs expires_at;          // of an active or locked decision that ends; otherwise `never`
  std::uint64_t checked;      // the version of the owners' marks checked last: OwnerChanges
  std::uint32_t owners;       // OwnerChanges::places_of
  std::uint16_t permissions;  // index of the text in PermissionTexts: 12 bits
  State state;
  bool is_long;  // does not fit: the whole decision is in LongDecisions
};

// The same packed in four words. Look-ups unpack only what they need.
class PackedFacts {
 public:
  std::array<std::uint64_t, 4> words;

  PackedFacts() = default;
  explicit PackedFacts(const EntryFacts& facts)
      : words{facts.as_of.sequence,
              facts.as_of.epoch | std::uint64_t{facts.permissions} << 32 |
                  static_cast<std::uint64_t>(facts.state) << 44 | std::uint64_t{facts.is_long} << 47 |
                  std::uint64_t{facts.owners} << 48,
              static_cast<std::uint64_t>(facts.expires_at),
              facts.checked | std::uint64_t{facts.owners >> 16} << 48} {}

  Position as_of() const { return {words[1] & 0xffffffff, words[0]}; }
  std::uint16_t permissions() const { return words[1] >> 32 & 0xfff; }
  EntryFacts::State state() const { return static_cast<EntryFacts::State>(words[1] >> 44 & 7); }
  bool is_long() const { return (words[1] >> 47 & 1) != 0; }
  UnixMs expires_at() const { return static_cast<UnixMs>(words[2]); }
  std::uint64_t checked() const { return words[3] & ((std::uint64_t{1} << 48) - 1); }
  std::uint32_t owners() const { return static_cast<std::uint32_t>(words[1] >> 48 | words[3] >> 48 << 16); }
  EntryFacts unpack() const {
    return {as_of(), expires_at(), checked(), owners(), permissions(), state(), is_long()};
  }
};

// When an entry was used: the low bits of a minute, and whether since the clock hand passed. Uses are taken
// long before the minutes come round again, after 22 days.
using UseMark = std::uint16_t;
struct UseMarks {
  static constexpr UseMark since_hand = 0x8000;
  static constexpr UseMark minute_bits = 0x7fff;

  static constexpr UseMark at(engine::Minute minute) {
    return static_cast<UseMark>(since_hand | (minute & minute_bits));
  }
  // The last minute up to `now` with these bits.
  static constexpr engine::Minute minute_of(UseMark mark, engine::Minute now) {
    return now - ((now - mark) & minute_bits);
  }
};

class alignas(128) Entry {
 public:
  // False: another digest, or being written.
  bool read(DigestHead digest, PackedFacts& facts, PackedIds& ids) const {
    const auto version = version_.load(std::memory_order_acquire);
    if (words_[0].load(std::memory_order_acquire) != digest.words[0] ||
        words_[1].load(std::memory_order_acquire) != digest.words[1]) {
      return false;
    }
#pragma GCC unroll 9
    for (std::size_t i = 0; i < facts.words.size(); ++i) {
      facts.words[i] = words_[first_fact + i].load(std::memory_order_acquire);
    }
#pragma GCC unroll 9
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ids[i] = words_[first_id + i].load(std::memory_order_acquire);
    }
    return (version & 1) == 0 && version_.load(std::memory_order_relaxed) == version;
  }
  // Used now, and since the clock hand passed; `mark` is of the current minute. May hit a reused entry.
  void set_used(UseMark mark) const {
    if (used_.load(std::memory_order_relaxed) != mark) used_.store(mark, std::memory_order_relaxed);
  }
  // Whether it was used in a minute that has not been taken. From any thread.
  bool has_unreported_use() const {
    return (used_.load(std::memory_order_relaxed) & UseMarks::minute_bits) !=
           reported_.load(std::memory_order_relaxed);
  }

  // The following only by the writer.
  bool take_used() {
    const bool used = (used_.load(std::memory_order_relaxed) & UseMarks::since_hand) != 0;
    if (used) used_.fetch_and(UseMarks::minute_bits, std::memory_order_relaxed);
    return used;
  }
  // A new entry: the engine has recorded the use for which it was asked.
  void begin_use(UseMark mark) {
    const auto minute = static_cast<UseMark>(mark & UseMarks::minute_bits);
    used_.store(minute, std::memory_order_relaxed);
    reported_.store(minute, std::memory_order_relaxed);
  }
  UseMark take_unreported_use() {
    const auto minute = static_cast<UseMark>(used_.load(std::memory_order_relaxed) & UseMarks::minute_bits);
    reported_.store(minute, std::memory_order_relaxed);
    return minute;
  }
  std::array<std::uint64_t, 2> digest() const { return {word(0), word(1)}; }
  EntryFacts facts() const {
    PackedFacts facts;
    for (std::size_t i = 0; i < facts.words.size(); ++i) facts.words[i] = word(first_fact + i);
    return facts.unpack();
  }
  PackedIds ids() const {
    PackedIds ids;
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = word(first_id + i);
    return ids;
  }
  void write(DigestHead digest, const EntryFacts& facts, const PackedIds& ids) {
    const auto version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    // Release: a reader of one of them sees the odd version as well.
    for (std::size_t i = 0; i < 2; ++i) words_[i].store(digest.words[i], std::memory_order_release);
    write_facts(facts);
    for (std::size_t i = 0; i < ids.size(); ++i)
      words_[first_id + i].store(ids[i], std::memory_order_release);
    version_.store(version + 2, std::memory_order_release);
  }
  void write(const EntryFacts& facts) {
    const auto version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    write_facts(facts);
    version_.store(version + 2, std::memory_order_release);
  }

 private:
  static constexpr std::size_t first_fact = 2;
  static constexpr std::size_t first_id = 6;

  void write_facts(const EntryFacts& facts) {
    const PackedFacts packed(facts);
    for (std::size_t i = 0; i < packed.words.size(); ++i) {
      words_[first_fact + i].store(packed.words[i], std::memory_order_release);
    }
  }
  std::uint64_t word(std::size_t i) const { return words_[i].load(std::memory_order_relaxed); }

  engine::AtomicWord<std::uint32_t> version_;  // odd while being written
  engine::AtomicWord<UseMark> reported_;       // the minute of the use that was taken last
  mutable engine::AtomicWord<UseMark> used_;
  std::array<engine::AtomicWord<std::uint64_t>, 15> words_;  // digest: 2, facts: 4, ids: 9
};
static_assert(sizeof(Entry) == 128);

}  // namespace revoked::cache
