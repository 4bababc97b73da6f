#include "cache/near_cache_shard.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace revoked::cache {
namespace {

constexpr UnixMs never = std::numeric_limits<UnixMs>::max();
constexpr std::size_t min_cells = 16;

std::uint32_t tag_of(const engine::Digest& digest) {
  return static_cast<std::uint32_t>(EntryShard::hash_of(digest) >> 32);
}

}  // namespace

void Entry::expire() {
  auto expired = std::make_shared<Decision>(*decision);
  expired->state = Decision::State::expired;
  decision = std::move(expired);
  expires_at = never;
}

std::uint64_t EntryShard::hash_of(const engine::Digest& digest) {
  std::uint64_t hash;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

std::optional<std::size_t> EntryShard::find_cell(const engine::Digest& digest) const {
  if (contents_.cells.empty()) return {};
  const auto tag = tag_of(digest);
  const auto mask = contents_.cells.size() - 1;
  for (std::size_t at = tag & mask;; at = (at + 1) & mask) {
    const auto cell = contents_.cells[at];
    if (cell.slot_plus_one == 0) return {};
    if (cell.tag == tag && contents_.entries[cell.slot_plus_one - 1].digest == digest) return at;
  }
}

Entry* EntryShard::find(const engine::Digest& digest) {
  const auto cell = find_cell(digest);
  return cell ? &contents_.entries[contents_.cells[*cell].slot_plus_one - 1] : nullptr;
}

std::optional<std::uint32_t> EntryShard::put(const engine::Digest& digest,
                                             std::shared_ptr<const Decision> decision, std::uint64_t key,
                                             const OwnerHashes& owners, Evicted& evicted) {
  const bool is_active = decision->state == Decision::State::active;
  const Position as_of = decision->as_of;
  std::uint32_t slot;
  if (const auto cell = find_cell(digest)) {
    slot = contents_.cells[*cell].slot_plus_one - 1;
    const auto& old = contents_.entries[slot];
    if (old.decision) {
      if (as_of < old.as_of) return {};
      if (is_active && old.is_revoked && old.as_of.epoch == as_of.epoch) return {};
    } else {
      ++live_;
    }
    if (old.key != key) evicted = {true, old.key, slot};
  } else {
    if (contents_.entries.size() < capacity_) {
      slot = static_cast<std::uint32_t>(contents_.entries.size());
      contents_.entries.emplace_back();
    } else {
      slot = evict();
      if (contents_.entries[slot].key != key) evicted = {true, contents_.entries[slot].key, slot};
    }
    ++live_;
    grow_cells();
    insert_cell({tag_of(digest), slot + 1});
  }
  auto& entry = contents_.entries[slot];
  entry.digest = digest;
  entry.as_of = as_of;
  entry.expires_at = is_active ? decision->expires_at.value_or(never) : never;
  entry.checked_version = 0;
  entry.key = key;
  entry.owners = owners;
  entry.is_revoked = decision->state == Decision::State::revoked;
  entry.used = false;
  entry.decision = std::move(decision);
  return slot;
}

void EntryShard::revoke(std::uint32_t slot, std::string_view key_id, Position at) {
  auto& entry = contents_.entries[slot];
  if (!entry.decision || entry.decision->key_id != key_id) return;
  auto revoked = std::make_shared<Decision>(*entry.decision);
  revoked->state = Decision::State::revoked;
  revoked->as_of = std::max(entry.as_of, at);
  entry.as_of = revoked->as_of;
  entry.expires_at = never;
  entry.is_revoked = true;
  entry.decision = std::move(revoked);
}

void EntryShard::end(Entry& entry, Position at) {
  if (!entry.decision || entry.is_revoked || at < entry.as_of) return;
  entry.decision.reset();
  entry.used = false;
  --live_;
}

void EntryShard::end(const engine::Digest& digest, Position at) {
  if (Entry* const entry = find(digest)) end(*entry, at);
}

EntryShard::Contents EntryShard::clear() {
  hand_ = 0;
  live_ = 0;
  return std::exchange(contents_, {});
}

// Frees the slot of the first entry that has not been used since the hand last came by.
std::uint32_t EntryShard::evict() {
  for (;; hand_ = (hand_ + 1) % contents_.entries.size()) {
    auto& entry = contents_.entries[hand_];
    if (entry.used) {
      entry.used = false;
      continue;
    }
    erase_cell(*find_cell(entry.digest));
    if (entry.decision) --live_;
    entry.decision.reset();
    const auto slot = static_cast<std::uint32_t>(hand_);
    hand_ = (hand_ + 1) % contents_.entries.size();
    return slot;
  }
}

void EntryShard::insert_cell(Cell cell) {
  const auto mask = contents_.cells.size() - 1;
  auto at = cell.tag & mask;
  while (contents_.cells[at].slot_plus_one != 0) at = (at + 1) & mask;
  contents_.cells[at] = cell;
}

// Moves back what was pushed on by the cell that goes, so that no search ends too early.
void EntryShard::erase_cell(std::size_t at) {
  auto& cells = contents_.cells;
  const auto mask = cells.size() - 1;
  for (auto next = (at + 1) & mask; cells[next].slot_plus_one != 0; next = (next + 1) & mask) {
    const auto home = cells[next].tag & mask;
    if (((next - home) & mask) < ((next - at) & mask)) continue;
    cells[at] = cells[next];
    at = next;
  }
  cells[at] = {};
}

// Keeps the table at most two thirds full, the entry about to come counted.
void EntryShard::grow_cells() {
  const auto needed = contents_.entries.size() * 3 / 2;
  if (needed < contents_.cells.size()) return;
  const auto old =
      std::exchange(contents_.cells, std::vector<Cell>(std::max(min_cells, contents_.cells.size() * 2)));
  for (const auto& cell : old) {
    if (cell.slot_plus_one != 0) insert_cell(cell);
  }
}

}  // namespace revoked::cache
