// PATCH /v1/keys/{key_id}: edits of a key's record.

#include <algorithm>
#include <array>

#include "net/api/api.hpp"
#include "net/api/asked_key.hpp"

namespace revoked::net {
namespace {

constexpr auto forms = [] {
  std::array<MemberForm, 4> editable;
  std::ranges::copy_if(key_forms, editable.begin(), [](const MemberForm& form) {
    return form.name == "name" || form.name == "expires_at" || form.name == "permissions" ||
           form.name == "metadata";
  });
  return editable;
}();

// Parsed as the members of a new key; null removes one. It views `asked`.
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

// The record once the edit is synced.
Task<> answer_edited(Api& api, Exchange exchange, std::string asker, std::string key_id, engine::Reach reach,
                     engine::Sequence sequence) {
  if (!co_await wait_until_durable(exchange, sequence)) co_return;
  set_position(exchange.response, api.engine.position_of(sequence));
  // Named first: GCC 12 destroys an aggregate that is made within a co_await twice.
  auto answer = answer_record(api, exchange, std::move(asker), std::move(key_id), std::move(reach));
  co_await std::move(answer);
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
  log_change(call, "key.changed", call.parameters[0], api.engine.position_of(edited->sequence));
  return {0, answer_edited(api, call.exchange, asker_of(call.principal), call.parameters[0],
                           call.principal.reach, edited->sequence)};
}

}  // namespace revoked::net
