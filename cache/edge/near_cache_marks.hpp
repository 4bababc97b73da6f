#pragma once
// The near cache's record of events: up to which position decisions on a key or an owner are invalid. One
// thread at a time.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache/bus/message.hpp"
#include "cache/edge/near_cache_hashes.hpp"
#include "cache/edge/near_cache_index.hpp"

namespace revoked::cache {

// The latest position by hash, bounded: the oldest inserted is dropped first. A hash collision costs a
// question to the engine, never an allow.
class Marks {
 public:
  explicit Marks(std::size_t capacity);

  // Returns whether an older mark was dropped for it.
  bool raise(std::uint64_t hash, Position position);
  // Decisions older than this are invalid.
  Position ended_before(std::uint64_t hash) const;
  void clear();
  void prefetch(std::uint64_t hash) const { index_.prefetch(hash); }
  std::size_t size() const { return marks_.size(); }

 private:
  struct Mark {
    std::uint64_t hash;
    Position position;
  };
  NearCacheIndex::Slot find(std::uint64_t hash) const;

  std::size_t capacity_;
  std::vector<Mark> marks_;  // a ring, once it is full
  std::size_t oldest_ = 0;
  NearCacheIndex index_;
  Position floor_;
};

// The same for owners: marks of one owner, and marks of two or three together.
class OwnerMarks {
 public:
  explicit OwnerMarks(std::size_t capacity) : marks_(capacity) {}

  // Returns whether an older mark was dropped for it.
  bool raise(const EventOwners& owners, Position position) {
    has_joint_ = has_joint_ || owners.is_joint;
    return marks_.raise(owners.mark, position);
  }
  // Decisions with these owners that are older than this are invalid.
  Position ended_before(const OwnerHashes& owners) const;
  void clear() {
    marks_.clear();
    has_joint_ = false;
  }
  std::size_t size() const { return marks_.size(); }

 private:
  Marks marks_;
  bool has_joint_ = false;  // there is a mark of several owners together
};

// The applied events, which end decisions: tombstones of keys, and marks of owners.
class AppliedEvents {
 public:
  explicit AppliedEvents(std::size_t max_marks) : keys_(max_marks / 2), owners_(max_marks / 2) {}

  void end_key(std::uint64_t key, Position at) { keys_.raise(key, at); }
  // Returns whether the mark of other owners was dropped for it.
  bool end_owners(const EventOwners& owners, Position at) { return owners_.raise(owners, at); }

  // Whether they ended a decision on this key of these owners.
  bool have_ended(const IdHashes& ids, Position as_of) const {
    return as_of < floor_ || as_of < keys_.ended_before(ids.key) || have_ended(ids.owners, as_of);
  }
  // The same for an entry, to which the events of its key have already been applied.
  bool have_ended(const OwnerHashes& owners, Position as_of) const {
    return as_of < owners_.ended_before(owners);
  }

  Position floor() const { return floor_; }
  void start_over(Position floor) {
    floor_ = floor;
    keys_.clear();
    owners_.clear();
  }
  void prefetch(std::uint64_t key) const { keys_.prefetch(key); }
  std::size_t size() const { return keys_.size() + owners_.size(); }

 private:
  Position floor_;  // older decisions are invalid
  Marks keys_;
  OwnerMarks owners_;
};

// The unsigned events: which keys and owners must be asked about again. They are numbered, so that a question
// can tell which came after it; their own positions prove nothing.
class UnsignedEvents {
 public:
  using Number = std::uint64_t;

  explicit UnsignedEvents(std::size_t max_marks) : keys_(max_marks), owners_(max_marks) {}

  void recheck_key(std::uint64_t key, Number number) { keys_.raise(key, {0, number}); }
  // Returns whether the mark of other owners was dropped for it.
  bool recheck_owners(const EventOwners& owners, Number number) { return owners_.raise(owners, {0, number}); }

  bool key_rechecked_since(std::uint64_t key, Number number) const {
    return number < keys_.ended_before(key).sequence;
  }
  bool owners_rechecked_since(const OwnerHashes& owners, Number number) const {
    return number < owners_.ended_before(owners).sequence;
  }
  void prefetch(std::uint64_t key) const { keys_.prefetch(key); }

 private:
  Marks keys_;
  OwnerMarks owners_;
};

}  // namespace revoked::cache
