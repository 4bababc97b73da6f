#include "net/api/revocation_writer.hpp"

namespace revoked::net {

using engine::JsonWriter;

void write_revoked(JsonWriter& json, std::string_view key_id, engine::UnixMs at, std::string_view reason,
                   engine::Position position) {
  json.open('{').field("key_id", key_id).field("state", "revoked").key("revoked_at").time(at);
  if (reason.empty()) {
    json.key("reason").null();
  } else {
    json.field("reason", reason);
  }
  json.field("position", position).close('}');
}

void write_revoked_before(JsonWriter& json, std::string_view key_id, engine::Position position) {
  json.open('{').field("key_id", key_id).field("state", "revoked").field("position", position).close('}');
}

}  // namespace revoked::net
