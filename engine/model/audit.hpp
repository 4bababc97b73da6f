#pragma once
// The audit trail is a view of the journal: who did what to which key, when, from where and why. The index
// finds the entries of one key, actor or user.

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/model/event.hpp"
#include "engine/model/policy.hpp"

namespace revoked::engine {

// The user an event concerns: the key's, or the one whose keys were revoked or locked.
std::string_view user_of(const EventView& event);

struct AuditQuery {
  std::string key_id;  // empty: any; also actor and user
  std::string actor;
  std::string user;
  Sequence after = 0;
  std::size_t limit = 100;
  const Reach* reach = nullptr;  // null: unlimited

  // `is_of_key`: the event concerns the key, even if it does not name it.
  bool matches(const EventView& event, bool is_of_key) const;
};

// Where a page of the trail ended.
struct AuditPage {
  Sequence position = 0;  // continue after it
  bool more = false;      // there may be more entries after it
};

}  // namespace revoked::engine
