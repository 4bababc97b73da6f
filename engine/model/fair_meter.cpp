#include "engine/model/fair_meter.hpp"

#include <algorithm>
#include <utility>

namespace revoked::engine {

Asker Asker::of(std::string_view actor, ActorKind kind, const Reach* reach) {
  Asker asker{{}, kind, actor};
  if (reach == nullptr) return asker;
  for (const Scope scope : {Scope::workspace, Scope::application, Scope::user}) {
    if (const auto& limit = reach->limit(scope); limit && !limit->empty() && asker.tenant.empty())
      asker.tenant = limit->front();
  }
  return asker;
}

bool FairMeter::admit(const Asker& asker, UnixMs now, std::uint64_t& others) {
  const MutexLock lock(mutex_);
  Share* own = &unauthenticated_;
  bool passes = false;
  if (asker.actor.empty()) {
    passes = has_room(unauthenticated_, rates_.unauthenticated, now);
    if (passes) spend(unauthenticated_, rates_.unauthenticated, now);
  } else {
    // The length prefix keeps the names of different tenants distinct.
    auto name = std::to_string(asker.tenant.size()).append(":").append(asker.tenant);
    Share& tenant = share_of(name);
    own =
        &share_of(name.append(1, static_cast<char>('0' + static_cast<int>(asker.kind))).append(asker.actor));
    passes = has_room(*own, rates_.caller, now) && has_room(tenant, rates_.tenant, now);
    if (passes) {
      spend(*own, rates_.caller, now);
      spend(tenant, rates_.tenant, now);
    }
  }
  if (!passes) {
    ++own->held_back;
    return false;
  }
  others = std::exchange(own->held_back, 0);
  return true;
}

bool FairMeter::take_count(UnixMs now, std::uint64_t& others) {
  const MutexLock lock(mutex_);
  if (unauthenticated_.held_back == 0 || !has_room(unauthenticated_, rates_.unauthenticated, now))
    return false;
  spend(unauthenticated_, rates_.unauthenticated, now);
  others = std::exchange(unauthenticated_.held_back, 0);
  return true;
}

FairMeter::Share& FairMeter::share_of(std::string name) {
  if (const auto known = by_name_.find(name); known != by_name_.end()) {
    shares_.splice(shares_.begin(), shares_, known->second);
    return shares_.front();
  }
  if (shares_.size() >= max_shares) {
    unauthenticated_.held_back += shares_.back().held_back;  // still reported, but not by asker
    by_name_.erase(shares_.back().name);
    shares_.pop_back();
  }
  shares_.push_front({std::move(name)});
  by_name_.emplace(shares_.front().name, shares_.begin());
  return shares_.front();
}

// If the clock was set back, the share counts as unused: it cannot be spent more than one burst ahead.
bool FairMeter::has_room(const Share& share, const Rate& rate, UnixMs now) {
  const auto ahead = share.spent_until - now;
  return ahead <= (rate.burst - 1) * rate.every_ms || ahead > rate.burst * rate.every_ms;
}

void FairMeter::spend(Share& share, const Rate& rate, UnixMs now) {
  if (share.spent_until < now || share.spent_until > now + rate.burst * rate.every_ms)
    share.spent_until = now;
  share.spent_until += rate.every_ms;
}

}  // namespace revoked::engine
