#include "net/dialects/dialects.hpp"

#include <algorithm>
#include <array>

#include "net/http/log.hpp"

namespace revoked::net {

extern const Dialect flowplate, applications, flowise, trieve;
const std::array<const Dialect*, 4> all_dialects{&flowplate, &applications, &flowise, &trieve};

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (is_dash ? c != '-' : !is_digit) return false;
  }
  return true;
}

std::vector<std::string> spellings(std::string_view id) {
  std::vector<std::string> all;
  const auto add = [&](std::string text) {
    if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(std::move(text));
  };
  if (!is_uuid(id)) return {std::string(id)};
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
  api.pace->note();
  auto caller = call.caller();
  caller.reach = &reach;
  engine::result<engine::RevokedKey> revoked = engine::errc::not_found;
  for (const auto& spelling : spellings(key_id)) {
    revoked = api.engine.revoke(spelling, call.dialect.name, caller);
    if (!revoked && revoked.error() == engine::errc::not_found) continue;
    if (!revoked) break;
    set_position(call.response(), api.engine.position_of(revoked->sequence));
    static LogLimit limit;
    log(limit, engine::Asker::of(caller.actor, caller.actor_kind, &call.principal.reach), Level::info,
        revoked->already ? "revoked before" : "revoked",
        {{"dialect", call.dialect.name},
         {"key_id", spelling},
         {"actor", caller.actor},
         {"actor_kind", to_string(caller.actor_kind)},
         {"request_id", caller.request_id},
         {"trace_id", trace_id_of(call.request())},
         {"address", caller.address}});
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
