// PATCH /v1/keys/{key_id}: edits of a key's record.

#include <algorithm>
#include <array>

#include "cache/json_writer.hpp"
#include "net/api.hpp"
#include "net/asked_key.hpp"
#include "net/key_writer.hpp"
#include "net/network_thread.hpp"
#include "net/problem.hpp"

namespace revoked::net {
namespace {

using cache::JsonWriter;

constexpr auto forms = [] {
  std::array<MemberForm, 4> editable;
  std::ranges::copy_if(key_forms, editable.begin(), [](const MemberForm& form) {
    return form.name == "name" || form.name == "expires_at" || form.name == "permissions" ||
           form.name == "metadata";
  });
  return editable;
}();

// Read as a new key's members are; null removes one. It views `asked`.
engine::KeyEdit edit_of(const AskedKey& asked) {
  engine::KeyEdit edit;
  const auto names = [&](std::string_view member) {
    return asked.members.find(member) != nullptr || asked.members.is_null(member);
  };
  if (names("name")) edit.name = asked.key.name;
  if (names("metadata")) edit.metadata = asked.key.metadata;
  if (names("permissions")) edit.permissions = asked.key.permissions;
  if (names("expires_at")) edit.expires_at = asked.members.is_null("expires_at") ? 0 : asked.key.expires_at;
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
  Members members;
  if (const auto fault = members.read(call.request().body, forms)) return refuse(call, fault);
  if (members.is_empty())
    return refuse(call, 400, "invalid_field", "give one or more of name, expires_at, permissions, metadata");
  AskedKey asked;
  if (const auto fault = read_asked_key(asked, std::move(members), api.engine, call.principal))
    return refuse(call, fault);
  const auto edited = api.engine.edit(call.parameters[0], edit_of(asked), call.caller());
  if (!edited) return refuse(call, edited.error());
  return {0, answer_edited(api, call.exchange, asker_of(call.principal), call.parameters[0],
                           call.principal.reach, edited->sequence)};
}

}  // namespace revoked::net
