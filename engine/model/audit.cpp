#include "engine/model/audit.hpp"

namespace revoked::engine {

std::string_view user_of(const EventView& event) {
  if (!is_of_owner(event.type)) return event[Field::user];
  const auto scope = event[Field::owner_scope];
  const bool of_user = scope.size() == 1 && static_cast<Scope>(scope.front()) == Scope::user;
  return of_user ? event[Field::owner_id] : event[Field::user];
}

bool AuditQuery::matches(const EventView& event, bool is_of_key) const {
  return (is_of_key || key_id.empty() || event[Field::key_id] == key_id) &&
         (actor.empty() || event[Field::actor] == actor) && (user.empty() || user_of(event) == user);
}

}  // namespace revoked::engine
