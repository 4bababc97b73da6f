#include "cache/feed/gateway_registry.hpp"

#include <algorithm>
#include <utility>

namespace revoked::cache {

GatewayRegistry::Outcome GatewayRegistry::on_report(Report report, std::string_view sender, Time now,
                                                    engine::UnixMs at) {
  const engine::MutexLock lock(mutex_);
  const auto found = entries_.find(report.gateway);
  const bool is_known = found != entries_.end();
  if (is_known && !sender.empty() && !found->second.sender.empty() && found->second.sender != sender &&
      !found->second.is_gone(now))
    return Outcome::taken;
  if (report.is_leaving) {
    if (is_known) entries_.erase(found);
    return Outcome::accepted;
  }
  if (!is_known && entries_.size() >= max_gateways && !make_room(now)) return Outcome::full;
  auto& entry = entries_[report.gateway];
  if (!sender.empty()) entry.sender = sender;
  entry.report = std::move(report);
  entry.reported = now;
  entry.reported_at = at;
  return Outcome::accepted;
}

bool GatewayRegistry::is_taken(std::string_view name, std::string_view sender, Time now) const {
  const engine::MutexLock lock(mutex_);
  const auto found = entries_.find(name);
  return found != entries_.end() && !found->second.sender.empty() && found->second.sender != sender &&
         !found->second.is_gone(now);
}

bool GatewayRegistry::make_room(Time now) {
  std::erase_if(entries_, [&](const auto& each) { return now - each.second.reported > kept_for; });
  if (entries_.size() < max_gateways) return true;
  const auto oldest =
      std::ranges::min_element(entries_, {}, [](const auto& each) { return each.second.reported; });
  if (!oldest->second.is_gone(now)) return false;
  entries_.erase(oldest);
  return true;
}

std::vector<GatewayRegistry::Gateway> GatewayRegistry::all(Time now) const {
  const engine::MutexLock lock(mutex_);
  std::vector<Gateway> gateways;
  gateways.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) {
    if (now - entry.reported > kept_for) continue;
    gateways.push_back({entry.report, entry.reported_at, entry.is_gone(now)});
  }
  return gateways;
}

}  // namespace revoked::cache
