#pragma once
// The audit trail is the journal, read by people: who did what to which key, when, from where and why. One
// key's, one actor's or one user's entries are found among millions by the index.

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/model/event.hpp"
#include "engine/model/policy.hpp"

namespace revoked::engine {

// The user that an event is about: the key's, or the one whose keys were revoked or locked.
std::string_view user_of(const EventView& event);

struct AuditQuery {
  std::string key_id;  // these three: empty: any
  std::string actor;
  std::string user;
  Sequence after = 0;
  std::size_t limit = 100;
  const Reach* reach = nullptr;  // null: everything

  // `is_of_key`: it concerns the key, whether or not it names it.
  bool matches(const EventView& event, bool is_of_key) const;
};

// Where a reading of the trail ended.
struct AuditPage {
  Sequence position = 0;  // to go on after
  bool more = false;      // there may be more after it
};

}  // namespace revoked::engine
