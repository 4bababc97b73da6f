#pragma once
// Writes the parts of a key in responses.

#include <string_view>

#include "engine/model/decision.hpp"
#include "engine/model/json_writer.hpp"

namespace revoked::net {

// The members `permissions`; a time, or null for 0; and one for each owner present: owner(scope).
void write_permissions(engine::JsonWriter& json, std::string_view list);
void write_time(engine::JsonWriter& json, std::string_view name, engine::UnixMs at);
template <class Owner>
void write_owners(engine::JsonWriter& json, const Owner& owner) {
  for (const auto scope : engine::all_scopes) json.optional_field(to_string(scope), owner(scope));
}

// Begins an object with count, first_at and last_at.
void write_attempts(engine::JsonWriter& json, const engine::Attempts& attempts);

// The whole record, as an object.
void write_key(engine::JsonWriter& json, const engine::KeyDescription& key);

}  // namespace revoked::net
