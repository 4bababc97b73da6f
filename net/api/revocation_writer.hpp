#pragma once
// Writes revoked keys in responses.

#include <string_view>

#include "engine/model/decision.hpp"
#include "engine/model/json_writer.hpp"

namespace revoked::net {

void write_revoked(engine::JsonWriter& json, std::string_view key_id, engine::UnixMs at,
                   std::string_view reason, engine::Position position);

// What is known of an earlier revocation without reading the disk.
void write_revoked_before(engine::JsonWriter& json, std::string_view key_id, engine::Position position);

}  // namespace revoked::net
