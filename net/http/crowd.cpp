#include "net/http/crowd.hpp"

#include <algorithm>
#include <utility>

namespace revoked::net {

Crowd::Origin Crowd::origin_of(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  if (address.is_v4()) return address.to_v4().to_uint();
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6).to_uint();
  Origin network = 0;
  const auto bytes = v6.to_bytes();
  for (std::size_t i = 0; i < 8; ++i) network = network << 8 | bytes[i];
  return network;
}

void Crowd::join(Member& member, Origin origin) {
  const auto from = origins_.try_emplace(origin, 0).first;
  members_.push_back(&member);
  member.index_ = members_.size() - 1;
  member.origin_ = &*from;
  ++from->second;
}

void Crowd::leave(Member& member) noexcept {
  if (member.index_ == Member::nowhere) return;
  members_.back()->index_ = member.index_;
  members_[member.index_] = members_.back();
  members_.pop_back();
  member.index_ = Member::nowhere;
  if (--member.origin_->second == 0) origins_.erase(member.origin_->first);
  held_bytes_ -= std::exchange(member.held_bytes_, 0);
  member.wait_ = Wait::nothing;
  member.unlink();
}

void Crowd::set_wait(Member& member, Wait wait, Time now) {
  if (member.index_ == Member::nowhere) return;
  member.wait_ = wait;
  member.since_ = now;
  // A served member stays in its list for now: most are served at once, and wait again.
  if (wait == Wait::nothing) return;
  member.unlink();
  waiting_[static_cast<std::size_t>(wait)].push_back(member);
}

template <class IsBest>
Crowd::Member* Crowd::find(Wait wait, Time since, IsBest is_best, bool or_any) noexcept {
  auto& list = waiting_[static_cast<std::size_t>(wait)];
  Member* any = nullptr;
  std::size_t looked = 0;
  for (auto next = list.begin(); next != list.end() && looked < looked_at;) {
    Member& member = *next++;
    if (member.wait_ != wait) {
      member.unlink();
      continue;
    }
    if (member.since_ > since) break;
    if (is_best(member)) return &member;
    if (any == nullptr) any = &member;
    ++looked;
  }
  return or_any ? any : nullptr;
}

bool Crowd::make_room(Origin newcomer, Time now) noexcept {
  const auto from = origins_.find(newcomer);
  const auto share = std::max(limits_.connections / shares, from == origins_.end() ? 0 : from->second);
  const auto has_too_much = [share](const Member& member) { return member.origin_->second > share; };
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
    if (auto* const member = find(step.wait, step.since, has_too_much, step.or_any)) {
      member->make_room();
      return true;
    }
  }
  return false;
}

void Crowd::hold(Member& member, std::size_t bytes) noexcept {
  if (member.index_ == Member::nowhere) return;
  held_bytes_ += bytes - member.held_bytes_;
  member.held_bytes_ = bytes;
  if (held_bytes_ > limits_.held_bytes) relieve(member);
}

void Crowd::relieve(Member& member) noexcept {
  const auto share = limits_.held_bytes / limits_.connections;
  const auto holds_too_much = [share](const Member& each) { return each.held_bytes_ > share; };
  for (const auto wait : {Wait::taking, Wait::body, Wait::end, Wait::head, Wait::request}) {
    while (held_bytes_ > limits_.held_bytes) {
      auto* const found = find(wait, Time::max(), holds_too_much, false);
      if (found == nullptr) break;
      found->make_room();
    }
  }
  if (held_bytes_ > limits_.held_bytes && member.held_bytes_ > share) member.make_room();
}

}  // namespace revoked::net
