#include "cache/webhooks/expiry_tracker.hpp"

#include <algorithm>
#include <tuple>

#include "engine/model/forgotten_key.hpp"

namespace revoked::cache {

using engine::EventType;
using engine::Field;
using engine::UnixMs;

ExpiryTracker::ExpiryTracker(const engine::Engine& engine, const Webhook& hook) : engine_(engine) {
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    kinds_[i].is_used = hook.events.test(expiry_events[i]);
    if (expiry_events[i] == key_expiring_event)
      kinds_[i].lead = hook.expiring_before.value_or(Webhook::default_expiring_before);
  }
}

void ExpiryTracker::begin(const ExpiryMarks& marks, UnixMs now) {
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    auto& kind = kinds_[i];
    const ExpiryMark end{now + kind.lead.count() + 1, {}};
    kind.told = std::min(marks[i].value_or(end), end);  // the lead may be shorter now
    kind.scanned = kind.before = kind.told;
  }
}

ExpiryMarks ExpiryTracker::marks(engine::Sequence position) const {
  ExpiryMarks marks;
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    if (kinds_[i].is_used) marks[i] = position >= scan_ended_ ? kinds_[i].told : kinds_[i].before;
  }
  return marks;
}

void ExpiryTracker::see(engine::Sequence sequence, const engine::EventView& event, const DueVisitor& visit) {
  if (!is_used()) return;
  const auto expires_at = engine::decode_i64(event[Field::expires_at], 0);
  switch (event.type) {
    case EventType::key_created:
      // An imported one may have expired elsewhere.
      if (expires_at > event.at) see_expiry({expires_at, std::string(event[Field::key_id])}, visit);
      break;
    case EventType::key_changed:
      if (expires_at != 0) see_expiry({expires_at, std::string(event[Field::key_id])}, visit);
      break;
    case EventType::key_rotated:  // its record has another place
      for (std::size_t i = 0; i < kinds_.size(); ++i) {
        if (kinds_[i].is_used && was_scanning(sequence)) visit({i, {0, std::string(event[Field::key_id])}});
      }
      break;
    case EventType::keys_forgotten:
      see_forgotten(sequence, event, visit);
      break;
    default:
      break;
  }
}

void ExpiryTracker::see_expiry(const ExpiryMark& key, const DueVisitor& visit) {
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    if (!kinds_[i].is_used) continue;
    if (key <= kinds_[i].scanned)
      visit({i, key});
    else
      next_due_ = std::min(next_due_, key.expires_at - kinds_[i].lead.count());
  }
}

// No scan finds them any more.
void ExpiryTracker::see_forgotten(engine::Sequence sequence, const engine::EventView& event,
                                  const DueVisitor& visit) {
  engine::for_each_forgotten(event[Field::forgotten], [&](const engine::ForgottenKey& forgotten) {
    if (forgotten.expires_at == 0) return;  // it was revoked
    const ExpiryMark key{forgotten.expires_at, std::string(forgotten.key_id)};
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      const auto& passed = was_scanning(sequence) ? kinds_[i].before : kinds_[i].scanned;
      if (kinds_[i].is_used && key > passed) visit({i, key});
    }
  });
}

void ExpiryTracker::begin_scan(UnixMs now) {
  scan_ = {};
  kind_of_range_.clear();
  if (next_due_ <= now) next_due_ = std::numeric_limits<UnixMs>::max();
  scan_began_ = engine_.durable();
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    auto& kind = kinds_[i];
    kind.through = now + kind.lead.count();
    // If the clock was set back: what is not due any more will be again.
    kind.told = kind.scanned = std::min(kind.scanned, ExpiryMark{kind.through + 1, {}});
    kind.before = kind.scanned;
    kind.first.clear();
    kind.is_truncated = false;
    if (!kind.is_used || kind.through < kind.scanned.expires_at) continue;
    scan_.ranges.push_back({std::max(kind.scanned.expires_at, UnixMs{1}), kind.through});
    kind_of_range_.push_back(i);
  }
}

bool ExpiryTracker::scan_piece() {
  return !scan_.ranges.empty() &&
         engine_.scan_expiries(scan_, [this](std::size_t range, UnixMs expires_at, std::string_view key_id) {
           add(range, expires_at, key_id);
         });
}

void ExpiryTracker::add(std::size_t range, UnixMs expires_at, std::string_view key_id) {
  auto& kind = kinds_[kind_of_range_[range]];
  auto& first = kind.first;
  const auto is_behind = [&](const ExpiryMark& mark) {
    return std::tie(expires_at, key_id) > std::tuple(mark.expires_at, std::string_view(mark.key_id));
  };
  if (!is_behind(kind.scanned)) return;
  if (first.size() == max_found) {
    kind.is_truncated = true;
    if (is_behind(first.front())) return;
    std::ranges::pop_heap(first);
    first.pop_back();
  }
  first.push_back({expires_at, std::string(key_id)});
  std::ranges::push_heap(first);
  if (kind.is_truncated) scan_.ranges[range].through = first.front().expires_at;
}

void ExpiryTracker::end_scan(engine::Sequence applied) {
  scan_ended_ = applied;
  for (const auto i : kind_of_range_) {
    auto& kind = kinds_[i];
    std::ranges::sort(kind.first);
    const auto twice = std::ranges::unique(kind.first);  // one that was rotated meanwhile
    kind.found.assign(kind.first.begin(), twice.begin());
    kind.scanned = kind.is_truncated ? kind.found.back() : ExpiryMark{kind.through + 1, {}};
    if (kind.found.empty()) kind.told = kind.scanned;
    kind.first = {};
  }
}

bool ExpiryTracker::has_more() const {
  return std::ranges::any_of(kinds_, [](const Kind& kind) { return kind.is_truncated; });
}

std::optional<ExpiryTracker::Due> ExpiryTracker::next() const {
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    if (!kinds_[i].found.empty()) return Due{i, kinds_[i].found.front()};
  }
  return {};
}

void ExpiryTracker::told(const Due& due) {
  auto& kind = kinds_[due.kind];
  kind.found.pop_front();
  kind.told = kind.found.empty() ? kind.scanned : due.key;
}

engine::result<std::optional<engine::KeyDescription>> ExpiryTracker::look_up(const Due& due,
                                                                             UnixMs now) const {
  auto key = engine_.describe(due.key.key_id, now);
  if (!key) {
    if (key.error() != engine::errc::not_found) return key.error();
    return std::optional<engine::KeyDescription>();
  }
  const auto expires_at = key->decision.expires_at;
  const bool is_due = due.key.expires_at == 0 ? expires_at - kinds_[due.kind].lead.count() <= now
                                              : expires_at == due.key.expires_at;
  if (key->decision.state == engine::KeyState::revoked || expires_at == 0 || !is_due)
    return std::optional<engine::KeyDescription>();
  return std::optional(std::move(*key));
}

}  // namespace revoked::cache
