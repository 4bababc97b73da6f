#include "engine/audit.hpp"

#include <utility>

namespace revoked::engine {

std::string_view user_of(const EventView& event) {
  if (event.type != EventType::owner_revoked) return event[Field::user];
  const auto scope = event[Field::owner_scope];
  const bool of_user = scope.size() == 1 && static_cast<Scope>(scope.front()) == Scope::user;
  return of_user ? event[Field::owner_id] : std::string_view();
}

bool AuditQuery::matches(const EventView& event, bool is_of_key) const {
  return (is_of_key || key_id.empty() || event[Field::key_id] == key_id) &&
         (actor.empty() || event[Field::actor] == actor) && (user.empty() || user_of(event) == user);
}

bool RefusalMeter::admit(UnixMs now, std::uint64_t& uncounted) {
  const std::scoped_lock lock(mutex_);
  if (now / 1000 != second_) {
    second_ = now / 1000;
    admitted_ = 0;
  }
  if (admitted_ == max_a_second) {
    ++suppressed_;
    return false;
  }
  ++admitted_;
  uncounted = std::exchange(suppressed_, 0);
  return true;
}

}  // namespace revoked::engine
