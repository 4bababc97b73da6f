#include "net/http/connection_table.hpp"

#include <algorithm>
#include <utility>

namespace revoked::net {

ConnectionTable::Origin ConnectionTable::origin_of(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  if (address.is_v4()) return address.to_v4().to_uint();
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6).to_uint();
  Origin network = 0;
  const auto bytes = v6.to_bytes();
  for (std::size_t i = 0; i < 8; ++i) network = network << 8 | bytes[i];
  return network;
}

void ConnectionTable::add(Entry& entry, Origin origin) {
  const auto from = origins_.try_emplace(origin, 0).first;
  entries_.push_back(&entry);
  entry.index_ = entries_.size() - 1;
  entry.origin_ = &*from;
  ++from->second;
}

void ConnectionTable::remove(Entry& entry) noexcept {
  if (entry.index_ == Entry::nowhere) return;
  entries_.back()->index_ = entry.index_;
  entries_[entry.index_] = entries_.back();
  entries_.pop_back();
  entry.index_ = Entry::nowhere;
  if (--entry.origin_->second == 0) origins_.erase(entry.origin_->first);
  held_bytes_ -= std::exchange(entry.held_bytes_, 0);
  entry.wait_ = Wait::nothing;
  entry.unlink();
}

void ConnectionTable::set_wait(Entry& entry, Wait wait, Time now) {
  if (entry.index_ == Entry::nowhere) return;
  entry.wait_ = wait;
  entry.since_ = now;
  // A served entry stays in its list for now: most are served at once, and wait again.
  if (wait == Wait::nothing) return;
  entry.unlink();
  waiting_[static_cast<std::size_t>(wait)].push_back(entry);
}

template <class IsBest>
ConnectionTable::Entry* ConnectionTable::find(Wait wait, Time since, IsBest is_best, bool or_any) noexcept {
  auto& list = waiting_[static_cast<std::size_t>(wait)];
  Entry* any = nullptr;
  std::size_t looked = 0;
  for (auto next = list.begin(); next != list.end() && looked < looked_at;) {
    Entry& entry = *next++;
    if (entry.wait_ != wait) {
      entry.unlink();
      continue;
    }
    if (entry.since_ > since) break;
    if (is_best(entry)) return &entry;
    if (any == nullptr) any = &entry;
    ++looked;
  }
  return or_any ? any : nullptr;
}

bool ConnectionTable::evict_for(Origin newcomer, Time now) noexcept {
  const auto from = origins_.find(newcomer);
  const auto share = std::max(limits_.connections / shares, from == origins_.end() ? 0 : from->second);
  const auto has_too_much = [share](const Entry& entry) { return entry.origin_->second > share; };
  const auto earlier = now - limits_.short_wait;
  struct Step {
    Wait wait;
    Time since;
    bool or_any;  // also from an origin that has no more than its share
  };
  // A connection that waits for its first request may be about to send it: for `short_wait`, others are
  // evicted first.
  const Step steps[] = {
      {Wait::first_request, earlier, true}, {Wait::request, earlier, true},   {Wait::end, now, true},
      {Wait::head, earlier, true},          {Wait::request, now, true},       {Wait::taking, earlier, false},
      {Wait::body, earlier, false},         {Wait::first_request, now, true}, {Wait::head, now, true},
  };
  for (const auto& step : steps) {
    if (auto* const entry = find(step.wait, step.since, has_too_much, step.or_any)) {
      entry->evict();
      return true;
    }
  }
  return false;
}

void ConnectionTable::set_held(Entry& entry, std::size_t bytes) noexcept {
  if (entry.index_ == Entry::nowhere) return;
  held_bytes_ += bytes - entry.held_bytes_;
  entry.held_bytes_ = bytes;
  if (held_bytes_ > limits_.held_bytes) evict_for_memory(entry);
}

void ConnectionTable::evict_for_memory(Entry& entry) noexcept {
  const auto share = limits_.held_bytes / limits_.connections;
  const auto holds_too_much = [share](const Entry& each) { return each.held_bytes_ > share; };
  for (const auto wait : {Wait::taking, Wait::body, Wait::end, Wait::head, Wait::request}) {
    while (held_bytes_ > limits_.held_bytes) {
      auto* const found = find(wait, Time::max(), holds_too_much, false);
      if (found == nullptr) break;
      found->evict();
    }
  }
  if (held_bytes_ > limits_.held_bytes && entry.held_bytes_ > share) entry.evict();
}

}  // namespace revoked::net
