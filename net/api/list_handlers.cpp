// Listing keys.

#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/api/cursor.hpp"
#include "net/api/key_writer.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using engine::JsonWriter;

constexpr std::size_t default_page_keys = 100;

void write_page(const engine::KeyPage& page, std::optional<engine::UnixMs> uses_since, std::string& body) {
  JsonWriter json(body);
  json.open('{').key("keys").open('[');
  for (const auto& key : page.keys) write_key(json, key);
  json.close(']').key("cursor");
  if (page.more)
    json.value(seal_cursor(page.last));
  else
    json.null();
  if (uses_since) json.key("uses_since").time(*uses_since);
  json.close('}');
}

Task<> answer_list(Api& api, Exchange exchange, std::string asker, engine::KeyQuery query,
                   engine::Reach reach) {
  query.reach = &reach;
  engine::result<engine::KeyPage> page = engine::errc::not_ready;
  std::string body;
  const std::function<void()> read = [&] {
    page = api.engine.list(query, engine::now_unix_ms());
    const auto uses_since = query.used_before ? std::optional(api.engine.uses_since()) : std::nullopt;
    if (page) write_page(*page, uses_since, body);
  };
  if (!co_await read_on_pool(api, exchange, std::move(asker), read)) co_return;
  if (page)
    exchange.response.send_json(200, body);
  else
    send_problem(exchange.response, page.error());
}

}  // namespace

Outcome list_keys(Api& api, Call& call) {
  engine::KeyQuery query;
  query.limit = limit_of(call.query, default_page_keys);
  for (const auto scope : engine::all_scopes)
    query.owners[static_cast<std::size_t>(scope)] = call.query.value_or_empty(to_string(scope));
  if (const auto* const state = call.query.find("state")) query.state = engine::listed_state_of(*state);
  if (const auto* const at = call.query.find("used_before")) query.used_before = engine::parse_rfc3339(*at);
  if (const auto* const cursor = call.query.find("cursor")) {
    auto after = open_cursor(*cursor);
    if (!after)
      return refuse(call, 400, "invalid_cursor",
                    "not a cursor of this engine since its start: start again without one");
    query.after = std::move(*after);
  }
  return {0,
          answer_list(api, call.exchange, asker_of(call.principal), std::move(query), call.principal.reach)};
}

}  // namespace revoked::net
