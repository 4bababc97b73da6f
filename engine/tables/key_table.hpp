#pragma once
// All keys in memory, with only what a decision needs (64 bytes a key and about 15 of indexes). The rest of a
// key's record is in the store.
//
// `find_*` and `operator[]` from any thread. `insert` and the changes only by the holder of the journal's
// turn (or while loading): there is one writer at a time, and readers take no lock. A removed key can no
// longer be found; a record found before is unchanged until the end of the ReadSection, then it may be
// reused.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/digest_head.hpp"
#include "engine/base/keyed_hash.hpp"
#include "engine/base/slab.hpp"
#include "engine/base/time.hpp"
#include "engine/model/position.hpp"
#include "engine/tables/compact_id.hpp"
#include "engine/tables/slot_index.hpp"

namespace revoked::engine {

struct alignas(64) KeyRecord {
  CompactId id;
  DigestHead digest{};
  std::array<Slot, 3> owners{no_slot, no_slot, no_slot};  // by Scope

 private:
  std::atomic<std::uint32_t> terms_{0};  // a set of permissions, and whether the key was edited

 public:
  Sequence created = 0;

  Slot permissions() const { return terms() & ~edited_bit; }  // in the permission sets
  bool is_edited() const { return terms() & edited_bit; }     // its creation event is not its current state
  void set_permissions(Slot set) { terms_.store(set | (terms() & edited_bit), std::memory_order_release); }
  void set_edited() { terms_.fetch_or(edited_bit, std::memory_order_acq_rel); }

  // One word, so that a reader never sees a partial change: flags, the Width of the suspender, and the
  // revoking sequence or the expiry.
  UnixMs expires_at() const {  // 0: never, or revoked
    const auto word = state_word();
    return word & revoked_bit ? 0 : static_cast<UnixMs>(word & value_bits);
  }
  Sequence revoked() const {  // 0: not by an event of its own
    const auto word = state_word();
    return word & revoked_bit ? word & value_bits : 0;
  }
  bool is_suspended() const { return state_word() & suspended_bit; }
  std::uint16_t suspended_by() const {  // a Width (policy.hpp), if it is suspended
    return static_cast<std::uint16_t>((state_word() & width_mask) >> width_shift);
  }
  bool is_superseded() const { return state_word() & superseded_bit; }  // the old secret of a rotated key
  // It has been removed: no field is valid.
  bool is_removed() const { return state_word() == removed; }
  // A superseded secret that was ended at once: permanently, whatever the clock shows later.
  bool has_ended() const { return is_superseded() && expires_at() == ended; }

  // Each change is atomic: a resumption may run concurrently with a revocation, and must not undo it.
  void set_expiry(UnixMs at) {
    update([at](std::uint64_t word) {
      return word & revoked_bit ? word : (word & ~value_bits) | static_cast<std::uint64_t>(at);
    });
  }
  // Does nothing if the expiry is earlier.
  void shorten_to(UnixMs at) {
    update([at](std::uint64_t word) {
      const auto until = static_cast<UnixMs>(word & value_bits);
      const bool is_sooner = until != 0 && until <= at;
      return word & revoked_bit || is_sooner ? word : (word & ~value_bits) | static_cast<std::uint64_t>(at);
    });
  }
  void end() { set_expiry(ended); }
  void set_revoked(Sequence by) {
    update([by](std::uint64_t word) { return (word & superseded_bit) | revoked_bit | by; });
  }
  void set_suspended(std::uint16_t by) {
    update([by](std::uint64_t word) {
      return (word & ~width_mask) | suspended_bit | (std::uint64_t{by} << width_shift);
    });
  }
  void set_resumed() { state_word_.fetch_and(~(suspended_bit | width_mask), std::memory_order_acq_rel); }
  // For checkpoints: the raw value.
  std::uint64_t packed_state_word() const { return state_word(); }
  void restore_state_word(std::uint64_t packed) { state_word_.store(packed, std::memory_order_release); }
  std::uint32_t packed_terms() const { return terms(); }
  void restore_terms(std::uint32_t packed) { terms_.store(packed, std::memory_order_release); }
  // The value before the secret was rotated, when it expired `at`.
  static std::uint64_t before_rotation(std::uint64_t packed, UnixMs at) {
    packed &= ~superseded_bit;
    return packed & revoked_bit ? packed : (packed & ~value_bits) | static_cast<std::uint64_t>(at);
  }

  void set_superseded() { state_word_.fetch_or(superseded_bit, std::memory_order_acq_rel); }
  void set_removed() { restore_state_word(removed); }
  // Copies a record that no other thread sees; the state_word last.
  void copy_from(const KeyRecord& other) {
    id = other.id;
    digest = other.digest;
    owners = other.owners;
    created = other.created;
    restore_terms(other.terms());
    restore_state_word(other.state_word());
  }

  static constexpr UnixMs ended = 1;  // the expiry of a secret that was ended at once

 private:
  static constexpr std::uint64_t removed =
      ~std::uint64_t{0};  // all flags: revoked by a sequence that never occurs
  static constexpr std::uint64_t revoked_bit = std::uint64_t{1} << 63;
  static constexpr std::uint64_t suspended_bit = std::uint64_t{1} << 62;
  static constexpr std::uint64_t superseded_bit = std::uint64_t{1} << 61;
  static constexpr int width_shift = 52;  // milliseconds and sequences are far smaller
  static constexpr std::uint64_t value_bits = (std::uint64_t{1} << width_shift) - 1;
  static constexpr std::uint64_t width_mask = (superseded_bit - 1) & ~value_bits;
  static constexpr std::uint32_t edited_bit = std::uint32_t{1} << 31;  // slots are smaller
  std::uint64_t state_word() const { return state_word_.load(std::memory_order_acquire); }
  std::uint32_t terms() const { return terms_.load(std::memory_order_acquire); }
  template <class Change>
  void update(Change&& change) {
    auto word = state_word();
    while (!state_word_.compare_exchange_weak(word, change(word), std::memory_order_acq_rel)) {
    }
  }
  std::atomic<std::uint64_t> state_word_{0};
};
static_assert(sizeof(KeyRecord) == 64);

class KeyTable {
 public:
  Slot find_by_id(std::string_view id) const { return find_by_id(IdProbe(id)); }  // no_slot: not found
  Slot find_by_id(const IdProbe& id) const;
  // Tries the likely slot first, and inline: with fewer instructions, more look-ups overlap in the processor.
  Slot find_by_digest(const Digest& digest) const {
    const DigestHead head(digest);
    const Slot slot = by_digest_.likely(head.hash());
    return slot != no_slot && records_[slot].digest == head ? slot : find_slow(head);
  }

  // Prefetches what finding these will read first.
  void prefetch(std::string_view id, const Digest& digest) const;
  // Prefetches what finding an id will read: its bucket; once that is cached, the likely record.
  void prefetch_bucket(const IdProbe& id) const;
  void prefetch_record(const IdProbe& id) const;

  // `fill(record)` sets everything but id and digest, before the key can be found. The caller has checked
  // that neither exists.
  template <class Fill>
  Slot insert(std::string_view id, const Digest& digest, Fill&& fill) {
    const Slot slot = free_slot();
    KeyRecord record;
    fill(record);
    record.id = CompactId(IdProbe(id), arena_);
    publish(slot, record, digest);
    index_id(slot);
    return slot;
  }

  // Adds a record for the same key with another digest: the id then finds it, the old digest still finds
  // `old`. `fill(slot, record)` as above.
  template <class Fill>
  Slot supersede(Slot old, const Digest& digest, Fill&& fill) {
    const Slot slot = free_slot();
    KeyRecord record;
    fill(slot, record);
    record.id = records_[old].id;
    publish(slot, record, digest);
    redirect(old, slot);
    return slot;
  }

  // Removes a key: all its records, the one that its id finds first. Call end_removals() after one or
  // several: the records are reused once no thread reads them (read_section.hpp).
  void remove(std::span<const Slot> secrets);
  void end_removals();
  // While off, new keys get new records: for a checkpoint, which copies the existing ones. By the holder of
  // the turn.
  void set_reuse(bool on);
  // While loading: a record that was stored as removed.
  void restore_free(Slot slot) {
    free_.push_back(slot);
    ++removed_count_;
  }

  // For checkpoints (checkpoint.hpp). Copies records below complete_size().
  static constexpr std::size_t copy_bytes = 64;  // per record
  void copy_out(Slot first, std::size_t count, char* out) const;
  // Into an empty table, while loading: allocates `count` records, then fills them in pieces, from several
  // threads.
  void reserve(std::size_t count);
  void copy_in(Slot first, std::size_t count, const char* in);
  // For a record stored as superseded that its id must find after all.
  void index_id(Slot slot);
  IdArena& arena() { return arena_; }
  const IdArena& arena() const { return arena_; }

  KeyRecord& operator[](Slot slot) { return records_[slot]; }
  const KeyRecord& operator[](Slot slot) const { return records_[slot]; }
  void append_id(Slot slot, std::string& out) const { records_[slot].id.append_to(out, arena_); }
  std::size_t size() const { return records_.size(); }  // records, free ones included
  std::size_t count() const { return size() - removed_count_.load(std::memory_order_relaxed); }
  // Keys below this slot are complete: readable without an index look-up.
  std::size_t complete_size() const { return complete_.load(std::memory_order_acquire); }

 private:
  Slot free_slot();
  void publish(Slot slot, KeyRecord& record, const Digest& digest);
  void index_digest(Slot slot);
  void redirect(Slot from, Slot to);
  [[gnu::noinline]] Slot find_slow(const IdProbe& id) const;
  [[gnu::noinline]] Slot find_slow(DigestHead head) const;

  IdArena arena_;
  Slab<KeyRecord> records_;
  std::atomic<std::size_t> complete_{0};
  // For the holder of the turn: what may be reused once all readers at the mark have ended.
  struct Removed {
    std::uint64_t mark = 0;
    std::vector<Slot> slots;
    std::vector<CompactId> ids;  // whose space in the arena is freed
  };
  std::vector<Slot> free_;
  Removed removing_;
  std::deque<Removed> removed_;
  bool reuse_ = true;
  std::atomic<std::size_t> removed_count_{0};
  static constexpr std::size_t shard_count = 1024;
  SlotIndex by_id_{shard_count};
  SlotIndex by_digest_{shard_count};
};

}  // namespace revoked::engine
