#include "engine/denied_uses.hpp"

#include <algorithm>
#include <utility>

namespace revoked::engine {
namespace {

bool is_due(const DeniedUses::Part& part, UnixMs now) {
  return part.pending.count != 0 &&
         (part.recorded_at == 0 || now >= part.recorded_at + DeniedUses::event_every ||
          now < part.recorded_at);  // the clock was set back
}

}  // namespace

DeniedUses::Keys::iterator DeniedUses::find(std::string_view key_id) const {
  const auto found = by_id_.find(key_id);
  return found == by_id_.end() ? keys_.end() : found->second;
}

bool DeniedUses::knows(std::string_view key_id) const {
  const MutexLock lock(mutex_);
  return by_id_.contains(key_id);
}

void DeniedUses::begin(Key key) {
  const MutexLock lock(mutex_);
  if (by_id_.contains(key.key_id)) return;
  if (keys_.size() == max_keys) drop_oldest();
  keys_.push_front(std::move(key));
  by_id_.emplace(keys_.front().key_id, keys_.begin());
}

void DeniedUses::drop_oldest() {
  for (const auto& part : keys_.back().parts) dropped_ += part.pending.count;
  by_id_.erase(keys_.back().key_id);
  keys_.pop_back();
}

DeniedUses::Part* DeniedUses::part_of(Key& key, std::string_view gateway) {
  const auto known = std::ranges::find(key.parts, gateway, &Part::gateway);
  if (known != key.parts.end()) return &*known;
  if (key.parts.size() < max_gateways_a_key)
    return &key.parts.emplace_back(Part{std::string(gateway), {}, {}, 0});
  return nullptr;
}

void DeniedUses::add(const DeniedUse& use, std::string_view gateway) {
  const MutexLock lock(mutex_);
  const auto found = find(use.key_id);
  if (found == keys_.end()) return;
  keys_.splice(keys_.begin(), keys_, found);
  auto attempts = use.attempts;
  attempts.first_at = std::max(attempts.first_at, found->recorded_at);
  attempts.last_at = std::max(attempts.last_at, attempts.first_at);
  found->all.add(attempts);
  if (std::ranges::find(found->gateways, gateway) == found->gateways.end() &&
      found->gateways.size() < max_gateways_a_key)
    found->gateways.emplace_back(gateway);
  has_changed_ = true;
  auto* const part = part_of(*found, gateway);
  if (part == nullptr) {
    dropped_ += attempts.count;  // the totals have them
    return;
  }
  part->pending.add(attempts);
  part->address = use.address;
}

std::optional<UsedAfterRevocation> DeniedUses::of(std::string_view key_id) const {
  const MutexLock lock(mutex_);
  const auto found = find(key_id);
  if (found == keys_.end() || found->all.count == 0) return {};
  return UsedAfterRevocation{found->all, found->gateways};
}

DeniedUses::Due DeniedUses::take(Key& key, Part& part, UnixMs now) {
  Due due{key.key_id, part, key.all, key.gateways};
  part.pending = {};
  part.recorded_at = now;
  return due;
}

std::optional<DeniedUses::Due> DeniedUses::take_due(std::string_view key_id, std::string_view gateway,
                                                    UnixMs now) {
  const MutexLock lock(mutex_);
  const auto found = find(key_id);
  if (found == keys_.end()) return {};
  const auto part = std::ranges::find(found->parts, gateway, &Part::gateway);
  if (part == found->parts.end() || !is_due(*part, now)) return {};
  has_changed_ = true;
  return take(*found, *part, now);
}

std::vector<DeniedUses::Due> DeniedUses::take_due(UnixMs now, std::size_t most) {
  std::vector<Due> due;
  const MutexLock lock(mutex_);
  for (auto& key : keys_) {
    for (auto& part : key.parts) {
      if (due.size() == most) return due;
      if (is_due(part, now)) due.push_back(take(key, part, now));
    }
    // Room for gateways that began to report since.
    std::erase_if(key.parts, [&](const Part& part) {
      return part.pending.count == 0 && now >= part.recorded_at + event_every;
    });
  }
  has_changed_ = has_changed_ || !due.empty();
  return due;
}

void DeniedUses::put_back(const Due& due) {
  const MutexLock lock(mutex_);
  const auto found = find(due.key_id);
  auto* const part = found == keys_.end() ? nullptr : part_of(*found, due.part.gateway);
  if (part == nullptr) {
    dropped_ += due.part.pending.count;
    return;
  }
  part->pending.add(due.part.pending);
  part->recorded_at = due.part.recorded_at;
}

std::vector<DeniedUses::Key> DeniedUses::all() const {
  const MutexLock lock(mutex_);
  return {keys_.begin(), keys_.end()};
}

void DeniedUses::restore(std::vector<Key> keys) {
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) begin(std::move(*key));
}

bool DeniedUses::take_changed() {
  const MutexLock lock(mutex_);
  return std::exchange(has_changed_, false);
}

std::uint64_t DeniedUses::dropped() const {
  const MutexLock lock(mutex_);
  return dropped_;
}

}  // namespace revoked::engine
