// Listing keys.

#include <charconv>

#include "cache/json_writer.hpp"
#include "net/api.hpp"
#include "net/cursor.hpp"
#include "net/key_writer.hpp"
#include "net/problem.hpp"

namespace revoked::net {
namespace {

using cache::JsonWriter;
using engine::KeyState;

constexpr std::size_t default_page_keys = 100;
constexpr std::size_t max_page_keys = 1000;

bool read_state(std::string_view text, std::optional<KeyState>& state) {
  for (const auto each : {KeyState::active, KeyState::suspended, KeyState::expired, KeyState::revoked}) {
    if (to_string(each) == text) state = each;
  }
  return state.has_value();
}

void write_page(const engine::KeyPage& page, std::string& body) {
  JsonWriter json(body);
  json.open('{').key("keys").open('[');
  for (const auto& key : page.keys) write_key(json, key);
  json.close(']').key("cursor");
  if (page.more)
    json.value(seal_cursor(page.last));
  else
    json.null();
  json.close('}');
}

Task<> answer_list(Api& api, Exchange exchange, std::string asker, engine::KeyQuery query,
                   engine::Reach reach) {
  query.reach = &reach;
  engine::result<engine::KeyPage> page = engine::errc::not_ready;
  std::string body;
  const std::function<void()> read = [&] {
    page = api.engine.list(query, engine::now_unix_ms());
    if (page) write_page(*page, body);
  };
  if (!co_await read_aside(api, exchange, std::move(asker), read)) co_return;
  if (page)
    exchange.response.send_json(200, body);
  else
    send_problem(exchange.response, page.error());
}

}  // namespace

bool read_limit(const Request& request, std::size_t most, std::size_t& limit) {
  const auto value = query_value(request.query, "limit");
  if (!value) return true;
  const auto* const end = value->data() + value->size();
  const auto read = std::from_chars(value->data(), end, limit);
  return read.ec == std::errc{} && read.ptr == end && limit >= 1 && limit <= most;
}

Outcome list_keys(Api& api, Call& call) {
  const auto& request = call.request();
  engine::KeyQuery query;
  query.limit = default_page_keys;
  if (!read_limit(request, max_page_keys, query.limit)) {
    return refuse(call, 400, "invalid_field", "limit is 1 to 1000");
  }
  for (const auto scope : engine::all_scopes) {
    const auto owner = query_value(request.query, to_string(scope));
    if (!owner) continue;
    if (!engine::is_owner_id(*owner)) return refuse(call, engine::errc::invalid_owner_id);
    query.owners[static_cast<std::size_t>(scope)] = *owner;
  }
  if (const auto state = query_value(request.query, "state"); state && !read_state(*state, query.state)) {
    return refuse(call, 400, "invalid_field", "state is active, suspended, expired or revoked");
  }
  if (const auto cursor = query_value(request.query, "cursor")) {
    auto after = open_cursor(*cursor);
    if (!after)
      return refuse(call, 400, "invalid_cursor", "not a cursor of this engine since its start: begin anew");
    query.after = std::move(*after);
  }
  return {0,
          answer_list(api, call.exchange, asker_of(call.principal), std::move(query), call.principal.reach)};
}

}  // namespace revoked::net
