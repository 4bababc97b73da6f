#include "cache/feed/gateway_registry.hpp"

#include <algorithm>
#include <utility>

namespace revoked::cache {
namespace {

constexpr std::size_t max_left = 1024;

std::string key_of(const Report& report) {
  return std::string(report.gateway).append(1, '\0').append(report.instance);
}

}  // namespace

struct GatewayRegistry::Waiting {
  engine::Position position;
  std::function<void()> on_change;
  std::size_t not_applied = 0;
};

// ---- entries

void GatewayRegistry::Entry::accept(Report newer, const PublishedPosition& known, Time now) {
  // Another journal, or a restart at an earlier position: what was reached before does not count.
  if (known.is_ours != is_ours || newer.applied < report.applied) times.clear();
  if (known.is_ours) {
    if (!times.first()) {
      first_sequence = newer.applied.sequence;
      first_reported = now;
    } else if (known.at && newer.applied > report.applied) {
      propagation.add(std::max(Time::duration(0), now - known.at->earliest));
    }
    times.note(newer.applied.sequence, now, now);
  }
  is_ours = known.is_ours;
  report = std::move(newer);
  reported = now;
}

Receipt::Enforced GatewayRegistry::Entry::applied(engine::Sequence sequence) const {
  if (sequence <= first_sequence) return {report.gateway, Receipt::By::applied, first_reported, true};
  auto span = times.find(sequence);
  if (!span) span = times.first();  // no earlier time is kept
  return {report.gateway, Receipt::By::applied, span->latest, false};
}

GatewayRegistry::Range GatewayRegistry::of_name(std::string_view name) const {
  return {entries_.lower_bound(std::string(name).append(1, '\0')),
          entries_.lower_bound(std::string(name).append(1, '\1'))};
}

bool GatewayRegistry::has_other_caller(std::string_view name, std::string_view caller, Time now) const {
  const auto [from, to] = of_name(name);
  return std::any_of(from, to, [&](const auto& each) {
    const auto& entry = each.second;
    return !entry.caller.empty() && entry.caller != caller && !entry.is_gone(now);
  });
}

bool GatewayRegistry::may_be_anothers(const Report& report, const Origin& origin, Time now) const {
  if (origin.channel == Origin::Channel::signed_bus) return false;
  if (has_other_caller(report.gateway, origin.caller, now)) return true;
  // It signs its reports, and none has come over HTTP: this may be somebody else's.
  const auto found = entries_.find(key_of(report));
  if (found == entries_.end() || !found->second.caller.empty()) return false;
  const auto& is_signed = found->second.reported_signed;
  return is_signed && now - *is_signed <= min_silence;
}

bool GatewayRegistry::is_taken(std::string_view name, std::string_view caller, Time now) const {
  const engine::MutexLock lock(mutex_);
  return has_other_caller(name, caller, now);
}

void GatewayRegistry::remove_replaced(const std::string& name, const std::string& key, Time now) {
  bool any = false;
  for (auto [at, end] = of_name(name); at != end;) {
    const bool is_replaced = at->first != key && at->second.is_gone(now);
    any = any || is_replaced;
    at = is_replaced ? entries_.erase(at) : std::next(at);
  }
  if (any) on_gateways_changed();
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

// ---- reports

GatewayRegistry::Outcome GatewayRegistry::on_report(Report report, const Origin& origin,
                                                    const PublishedPosition& known, Time now) {
  const engine::MutexLock lock(mutex_);
  if (may_be_anothers(report, origin, now)) return Outcome::taken;
  const auto key = key_of(report);
  auto found = entries_.find(key);
  const bool is_known = found != entries_.end();
  if (is_known && found->second.report.number != 0 && report.number <= found->second.report.number)
    return Outcome::old;
  if (!is_known && !report.instance.empty() && std::ranges::find(left_, key) != left_.end())
    return Outcome::old;
  if (report.is_leaving) {
    if (!report.instance.empty()) {
      if (left_.size() < max_left) left_.emplace_back();
      left_[std::exchange(next_left_, (next_left_ + 1) % max_left)] = key;
    }
    if (!is_known) return Outcome::accepted;
    entries_.erase(found);
    on_gateways_changed();
    return Outcome::accepted;
  }
  if (!is_known) {
    if (entries_.size() >= max_gateways && !make_room(now)) return Outcome::full;
    found = entries_.try_emplace(key).first;
  }
  auto& entry = found->second;
  const auto name = report.gateway;
  const auto before = entry.is_ours ? entry.report.applied : engine::Position{};
  if (origin.channel == Origin::Channel::signed_bus) entry.reported_signed = now;
  if (origin.channel == Origin::Channel::http) entry.caller = origin.caller;
  entry.accept(std::move(report), known, now);
  if (!is_known || entry.is_ours != (before != engine::Position{}) ||
      before.epoch != entry.report.applied.epoch || entry.report.applied < before) {
    on_gateways_changed();
  } else {
    on_applied(before, entry);
  }
  remove_replaced(name, key, now);
  return Outcome::accepted;
}

GatewayRegistry::Forgotten GatewayRegistry::forget(std::string_view name, Time now) {
  const engine::MutexLock lock(mutex_);
  const auto [from, to] = of_name(name);
  if (from == to) return Forgotten::unknown;
  if (!std::all_of(from, to, [&](const auto& each) { return each.second.is_gone(now); }))
    return Forgotten::not_gone;
  entries_.erase(from, to);
  on_gateways_changed();
  return Forgotten::yes;
}

// ---- what is known

std::vector<GatewayRegistry::Gateway> GatewayRegistry::all(Time now) const {
  const engine::MutexLock lock(mutex_);
  std::vector<Gateway> gateways;
  gateways.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) {
    if (now - entry.reported > kept_for) continue;
    gateways.push_back({entry.report, entry.reported, entry.is_gone(now)});
  }
  return gateways;
}

std::size_t GatewayRegistry::size() const {
  const engine::MutexLock lock(mutex_);
  return entries_.size();
}

std::string GatewayRegistry::roster() const {
  const engine::MutexLock lock(mutex_);
  std::string lines;
  for (const auto& [key, entry] : entries_) {
    auto report = entry.report;
    report.applied = {1, 0};  // nothing
    report.journal.clear();
    report.number = 0;
    report.coverage = Coverage::stale;
    lines.append(encode_report(report)).append("\n");
  }
  return lines;
}

void GatewayRegistry::expect(std::string_view roster, Time now) {
  const engine::MutexLock lock(mutex_);
  while (!roster.empty() && entries_.size() < max_gateways) {
    const auto line = roster.substr(0, roster.find('\n'));
    roster.remove_prefix(std::min(roster.size(), line.size() + 1));
    auto report = decode_report(line);
    if (!report) continue;
    auto key = key_of(*report);
    const auto [entry, is_new] = entries_.try_emplace(std::move(key));
    if (is_new) entry->second.accept(std::move(*report), {}, now);
  }
  on_gateways_changed();
}

std::optional<std::uint64_t> GatewayRegistry::report_ms() const {
  const auto period = size() * 1000 / max_reports_per_second;
  return period == 0 ? std::nullopt : std::optional<std::uint64_t>(period);
}

Receipt GatewayRegistry::receipt(engine::Position position, Time published, Time now) const {
  const engine::MutexLock lock(mutex_);
  Receipt receipt;
  for (const auto& [key, entry] : entries_) {
    if (now - entry.reported > kept_for) continue;
    const auto& report = entry.report;
    if (entry.has_applied(position)) {
      receipt.enforced.push_back(entry.applied(position.sequence));
      continue;
    }
    if (report.when_stale != WhenStale::serve && report.lease.count() != 0) {
      // Everything that the engine has sent since `published` shows a gateway that it misses this position.
      const auto lease_end = published + report.lease + max_lease_skew;
      if (now >= lease_end) {
        receipt.enforced.push_back({report.gateway, Receipt::By::lease, lease_end, false});
        continue;
      }
      receipt.next_lease_end = std::min(receipt.next_lease_end.value_or(lease_end), lease_end);
    }
    receipt.waiting.push_back(report.gateway);
  }
  return receipt;
}

// ---- waits

void GatewayRegistry::count_waiting(Waiting& waiting) const {
  waiting.not_applied = static_cast<std::size_t>(std::ranges::count_if(
      entries_, [&](const auto& each) { return !each.second.has_applied(waiting.position); }));
}

void GatewayRegistry::on_gateways_changed() {
  for (const auto& [sequence, waiting] : waits_) {
    count_waiting(*waiting);
    waiting->on_change();
  }
}

void GatewayRegistry::on_applied(engine::Position before, const Entry& entry) {
  const auto end = waits_.upper_bound(entry.report.applied.sequence);
  for (auto at = waits_.upper_bound(before.sequence); at != end; ++at) {
    auto& waiting = *at->second;
    if (entry.has_applied(waiting.position) && --waiting.not_applied == 0) waiting.on_change();
  }
}

std::unique_ptr<GatewayRegistry::Wait> GatewayRegistry::wait(engine::Position position,
                                                             std::function<void()> on_change) {
  if (waits() >= max_waits) return nullptr;
  return std::make_unique<Wait>(*this, position, std::move(on_change));
}

std::size_t GatewayRegistry::waits() const {
  const engine::MutexLock lock(mutex_);
  return waits_.size();
}

GatewayRegistry::Wait::Wait(GatewayRegistry& registry, engine::Position position,
                            std::function<void()> on_change)
    : registry_(registry), waiting_(std::make_unique<Waiting>(Waiting{position, std::move(on_change), 0})) {
  const engine::MutexLock lock(registry_.mutex_);
  registry_.count_waiting(*waiting_);
  registry_.waits_.emplace(position.sequence, waiting_.get());
}

GatewayRegistry::Wait::~Wait() {
  const engine::MutexLock lock(registry_.mutex_);
  const auto [from, to] = registry_.waits_.equal_range(waiting_->position.sequence);
  const auto own = std::find_if(from, to, [&](const auto& each) { return each.second == waiting_.get(); });
  registry_.waits_.erase(own);
}

}  // namespace revoked::cache
