// PATCH /v1/keys/{key_id}: edits of a key's record.

#include <algorithm>
#include <array>

#include "cache/json_writer.hpp"
#include "net/api.hpp"
#include "net/asked_key.hpp"
#include "net/json_reader.hpp"
#include "net/key_writer.hpp"
#include "net/network_thread.hpp"
#include "net/problem.hpp"

namespace revoked::net {
namespace {

using cache::JsonWriter;

constexpr std::array<std::string_view, 4> editable{"name", "expires_at", "permissions", "metadata"};

// Read as a new key's members are; null removes one. It views `asked`.
engine::KeyEdit edit_of(const AskedKey& asked) {
  engine::KeyEdit edit;
  for (const auto& member : asked.members) {
    const bool removes = member.kind == JsonMember::Kind::null;
    if (member.name == "name") edit.name = asked.key.name;
    if (member.name == "metadata") edit.metadata = asked.key.metadata;
    if (member.name == "permissions") edit.permissions = asked.key.permissions;
    if (member.name == "expires_at") edit.expires_at = removes ? 0 : asked.key.expires_at;
  }
  return edit;
}

// The record as it is once the edit is synced. If it never is, silence says "unknown" (P9).
Task<> answer_edited(Api& api, Exchange exchange, std::string asker, std::string key_id, engine::Reach reach,
                     engine::Sequence sequence) {
  if (!co_await exchange.connection.thread().durable(sequence)) {
    exchange.response.close_after();
    exchange.connection.close();
    co_return;
  }
  engine::result<engine::KeyDescription> found = engine::errc::not_ready;
  const std::function<void()> read = [&] {
    found = api.engine.describe(key_id, engine::now_unix_ms(), &reach);
  };
  if (!co_await read_aside(api, exchange, std::move(asker), read)) co_return;
  if (!found) {
    send_problem(exchange.response, found.error());
    co_return;
  }
  std::string body;
  JsonWriter json(body);
  write_key(json, *found);
  set_position(exchange.response, api.engine.position_of(sequence));
  exchange.response.send_json(200, body);
}

}  // namespace

Outcome edit_key(Api& api, Call& call) {
  auto members = read_json_object(call.request().body);
  if (!members) return refuse(call, 400, "malformed", "the body is not one JSON object");
  if (members->empty())
    return refuse(call, 400, "invalid_field", "give one or more of name, expires_at, permissions, metadata");
  for (const auto& member : *members) {
    if (std::find(editable.begin(), editable.end(), member.name) != editable.end()) continue;
    return refuse(
        call, 400, "invalid_field",
        "member \"" + member.name + "\" cannot be edited: name, expires_at, permissions and metadata can");
  }
  AskedKey asked;
  if (const auto refusal = read_asked_key(asked, std::move(*members), api.engine, call.principal))
    return refuse(call, refusal->status, refusal->code, refusal->detail);
  const auto edited = api.engine.edit(call.parameters[0], edit_of(asked), call.caller());
  if (!edited) return refuse(call, edited.error());
  return {0, answer_edited(api, call.exchange, asker_of(call.principal), call.parameters[0],
                           call.principal.reach, edited->sequence)};
}

}  // namespace revoked::net
