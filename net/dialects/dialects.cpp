#include "net/dialects/dialects.hpp"

#include <algorithm>

#include "engine/base/uuid.hpp"

namespace revoked::net {

extern const Dialect flowplate, applications, flowise, trieve;
namespace {
constexpr const Dialect* dialects[] = {&flowplate, &applications, &flowise, &trieve};
}  // namespace
constinit const std::span<const Dialect* const> all_dialects(dialects);

std::vector<std::string> spellings(std::string_view id) {
  std::vector<std::string> all;
  const auto add = [&](std::string text) {
    if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(std::move(text));
  };
  if (!engine::is_uuid(id)) return {std::string(id)};
  std::string lower(id);
  std::string upper(id);
  for (auto& c : lower) c = c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
  for (auto& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
  add(std::move(lower));
  add(std::string(id));
  add(std::move(upper));
  return all;
}

engine::result<engine::RevokedKey> revoke_key_within(Api& api, Call& call, std::string_view key_id,
                                                     const engine::Reach& reach) {
  api.single_revocations->note();
  auto caller = call.caller();
  caller.reach = &reach;
  engine::result<engine::RevokedKey> revoked = engine::errc::not_found;
  for (const auto& spelling : spellings(key_id)) {
    revoked = api.engine.revoke(spelling, call.dialect.name, caller);
    if (!revoked && revoked.error() == engine::errc::not_found) continue;
    if (!revoked) break;
    const auto position = api.engine.position_of(revoked->sequence);
    set_position(call.response(), position);
    log_change(call, "key.revoked", spelling, position, revoked->already);
    break;
  }
  return revoked;
}

void send_error(const Exchange& exchange, unsigned status, std::string_view body) {
  if (status == 503) exchange.response.header("Retry-After", "1");
  exchange.response.send_json(status, body);
}

Presented present_bearer_key(const Request& request) {
  return {bearer_of(request), {.master_key = false, .api_key = true, .token = false}};
}

}  // namespace revoked::net
