#pragma once
// One part of the near cache's entries: a bounded table by digest with CLOCK eviction. Plain data behind
// `lock`, which the caller holds for every call.

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "cache/message.hpp"
#include "engine/digest.hpp"

namespace revoked::cache {

using OwnerHashes = std::array<std::uint64_t, 3>;  // by Scope; 0: none

// Where an entry is. Its slot is its own until it is evicted.
struct EntryRef {
  std::uint32_t shard = 0;
  std::uint32_t slot = 0;
  friend bool operator==(const EntryRef&, const EntryRef&) = default;
};

// What a look-up reads of it fills one cache line; beyond that it touches the decision only to count one more
// owner of it.
struct alignas(64) Entry {
  engine::Digest digest;
  std::shared_ptr<const Decision> decision;  // null: ended
  UnixMs expires_at;                         // of an active decision that ends; otherwise the end of time
  std::uint64_t checked_version : 62;        // of the owners' marks that this entry has survived
  std::uint64_t is_revoked : 1;
  std::uint64_t used : 1;  // since the clock's hand came by

  Position as_of;
  std::uint64_t key;  // hash of its key_id
  OwnerHashes owners;

  void expire();
};

class EntryShard {
 public:
  struct Cell {
    std::uint32_t tag = 0;
    std::uint32_t slot_plus_one = 0;  // 0: empty
  };
  struct Contents {
    std::vector<Entry> entries;
    std::vector<Cell> cells;
  };
  struct Evicted {
    bool happened = false;
    std::uint64_t key = 0;
    std::uint32_t slot = 0;
  };

  // A digest is uniform already.
  static std::uint64_t hash_of(const engine::Digest& digest);

  void set_capacity(std::size_t entries) { capacity_ = entries; }

  Entry* find(const engine::Digest& digest);

  // The slot it went to; nothing if what is there is newer, or revoked in the same epoch. `evicted` is told
  // when an entry of another key had to give way.
  std::optional<std::uint32_t> put(const engine::Digest& digest, std::shared_ptr<const Decision> decision,
                                   std::uint64_t key, const OwnerHashes& owners, Evicted& evicted);

  bool holds(std::uint32_t slot, std::uint64_t key) const {
    return slot < contents_.entries.size() && contents_.entries[slot].key == key;
  }
  // Makes the entry a revoked one, if it is of this very key.
  void revoke(std::uint32_t slot, std::string_view key_id, Position at);
  // Ends an entry that is older than `at`.
  void end(std::uint32_t slot, Position at) { end(contents_.entries[slot], at); }
  void end(const engine::Digest& digest, Position at);

  Contents clear();
  std::size_t size() const { return live_; }

  mutable std::mutex lock;
  Epoch epoch = 0;  // of the fills that get in
  Position floor;   // fills from before it do not

 private:
  std::optional<std::size_t> find_cell(const engine::Digest& digest) const;
  void end(Entry& entry, Position at);
  std::uint32_t evict();
  void insert_cell(Cell cell);
  void erase_cell(std::size_t at);
  void grow_cells();

  std::size_t capacity_ = 1;
  std::size_t hand_ = 0;
  std::size_t live_ = 0;
  Contents contents_;
};

}  // namespace revoked::cache
