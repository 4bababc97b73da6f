// Creating, showing and verifying keys.

#include <chrono>

#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/api/asked_key.hpp"
#include "net/api/key_writer.hpp"
#include "net/http/json_reader.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using engine::JsonWriter;
using engine::Scope;

// The secret in the body as nearly every client writes it: {"secret":"…"} without escapes. Empty: any other
// body.
std::string_view plain_secret(std::string_view body) {
  constexpr std::string_view before = "{\"secret\":", behind = "\"}";
  if (!body.starts_with(before) || !body.ends_with(behind)) return {};
  body.remove_prefix(before.size());
  if (body.starts_with(' ')) body.remove_prefix(1);  // as Python writes it
  if (body.size() <= 1 + behind.size() || body.front() != '"') return {};
  body = body.substr(1, body.size() - 1 - behind.size());
  return engine::needs_no_escape(body) && engine::is_secret(body) ? body : std::string_view();
}

constexpr MemberForm verify_forms[] = {{"secret", JsonMember::Kind::string, engine::secret_form}};

// The secret of any other body; `members` owns it.
Fault read_secret(std::string_view body, Members& members, std::string_view& secret) {
  if (auto fault = members.read(body, verify_forms)) return fault;
  secret = members.text_or_empty("secret");
  if (engine::is_secret(secret)) return {};
  return wrong_value("secret", verify_forms);
}

// A caller that may see the key with the secret is told its id. Others learn only that the id or the secret
// is taken.
Outcome refuse_taken(Api& api, Call& call, const AskedKey& asked) {
  engine::Decision holder;
  const auto found = api.engine.verify(asked.key.digest, engine::now_unix_ms(), holder);
  const auto taken = make_error_code(engine::errc::already_exists);
  if (!found || holder.state == engine::KeyState::unknown || !call.principal.reach.covers(holder.owners))
    return refuse(call, taken);
  std::string member = ",\"key_id\":";
  engine::append_json_string(member, holder.key_id);
  send_problem(call.response(), 409, "already_exists", "the key named by key_id has this secret", member);
  return {};
}

// The longest wait for the position in ?at_least=.
constexpr std::chrono::seconds longest_wait{1};

// The position in ?at_least=: the answer must not be older. False: refused.
bool read_at_least(Api& api, Call& call, std::optional<engine::Position>& at_least) {
  at_least = engine::parse_position(call.query.value_or_empty("at_least"));
  const auto& engine = api.engine;
  if (!at_least) return true;
  if (at_least->epoch > engine.epoch()) {
    refuse(call, 503, "not_ready", "this engine has not reached that position");
  } else if (at_least->epoch < engine.epoch() && !engine.can_continue(*at_least, engine.applied())) {
    refuse(call, 410, "position_gone", "this position is not in the journal: its event was lost");
  } else {
    return true;
  }
  return false;
}

void answer_decision(Api& api, Response& response, const engine::Reach& reach,
                     const engine::Digest& secret_sha256, bool names_secret);

Task<> answer_once_reached(Api& api, Exchange exchange, engine::Reach reach, engine::Digest secret_sha256,
                           bool names_secret, engine::Sequence sequence) {
  constexpr std::chrono::milliseconds poll_interval{100};
  auto& thread = exchange.connection.thread();
  const auto until = std::chrono::steady_clock::now() + longest_wait;
  while (api.engine.applied() < sequence && std::chrono::steady_clock::now() < until)
    co_await thread.news().wait(poll_interval, thread.news().count());
  if (api.engine.applied() < sequence)
    send_problem(exchange.response, 503, "not_ready", "this engine has not reached that position");
  else
    answer_decision(api, exchange.response, reach, secret_sha256, names_secret);
}

void answer_decision(Api& api, Response& response, const engine::Reach& reach,
                     const engine::Digest& secret_sha256, bool names_secret) {
  thread_local engine::Decision decision;
  const auto verified = api.engine.verify_use(api.engine.digester().of_sha256(secret_sha256),
                                              engine::now_unix_ms(), &reach, decision);
  if (!verified) return send_problem(response, verified.error());

  thread_local std::string body;
  body.clear();
  JsonWriter json(body);
  json.open('{')
      .field("active", decision.state == engine::KeyState::active)
      .field("state", to_string(decision.state));
  if (decision.state != engine::KeyState::unknown) {
    json.field("key_id", decision.key_id);
    write_owners(json, [&](Scope scope) -> std::string_view { return decision.owner(scope); });
    write_permissions(json, decision.permissions);
    write_time(json, "expires_at", decision.expires_at);
    if (decision.state == engine::KeyState::locked) write_time(json, "locked_until", decision.locked_until);
  }
  json.field("as_of", decision.as_of).field("journal", api.engine.journal_id());
  if (names_secret) json.field("secret_sha256", std::string_view(engine::to_hex(secret_sha256)));
  json.close('}');
  response.header("Cache-Control", "no-store");
  response.send_json(200, body);
}

}  // namespace

Outcome create_key(Api& api, Call& call) {
  AskedKey asked;
  if (const auto fault = read_asked_key(asked, call.request().body, api.engine, call.principal))
    return refuse(call, fault);
  if (!has_share_left(api, asked.key)) return refuse(call, 409, "limit_reached", no_share_left);
  const auto created = create_asked_key(api, call, asked);
  if (!created && created.error() == engine::errc::already_exists) return refuse_taken(api, call, asked);
  if (!created) return refuse(call, created.error());
  const auto position = api.engine.position_of(created->sequence);
  log_change(call, "key.created", created->key_id, position);
  std::string body;
  JsonWriter json(body);
  json.open('{').field("key_id", created->key_id).optional_field("secret", asked.issued_secret);
  write_owners(json, [&](Scope scope) { return asked.key.owners[static_cast<std::size_t>(scope)]; });
  json.optional_field("name", asked.key.name);
  write_permissions(json, asked.permissions);
  write_time(json, "expires_at", asked.key.expires_at);
  if (!asked.key.metadata.empty()) json.key("metadata").raw(asked.key.metadata);
  json.key("created_at").time(created->at).field("position", position).close('}');
  set_position(call.response(), position);
  call.response().header("Location", "/v1/keys/" + created->key_id).header("Cache-Control", "no-store");
  call.response().send_json(201, body);
  return {created->sequence, {}};
}

Task<> answer_record(Api& api, Exchange exchange, std::string asker, std::string key_id,
                     engine::Reach reach) {
  engine::result<engine::KeyDescription> found = engine::errc::not_ready;
  const std::function<void()> read = [&] {
    found = api.engine.describe(key_id, engine::now_unix_ms(), &reach);
  };
  if (!co_await read_on_pool(api, exchange, std::move(asker), read)) co_return;
  if (!found) {
    send_problem(exchange.response, found.error());
    co_return;
  }
  std::string body;
  JsonWriter json(body);
  write_key(json, *found);
  exchange.response.send_json(200, body);
}

Outcome show_key(Api& api, Call& call) {
  return {0, answer_record(api, call.exchange, asker_of(call.principal), call.parameters[0],
                           call.principal.reach)};
}

Outcome verify_key(Api& api, Call& call) {
  auto secret = plain_secret(call.request().body);
  Members members;
  if (secret.empty()) [[unlikely]] {
    if (const auto fault = read_secret(call.request().body, members, secret)) return refuse(call, fault);
  }
  const auto secret_sha256 = engine::sha256(secret);
  const bool names_secret = call.query.find("echo") != nullptr;
  std::optional<engine::Position> at_least;
  if (!call.request().query.empty() && !read_at_least(api, call, at_least)) return {};
  if (at_least && at_least->epoch == api.engine.epoch() && at_least->sequence > api.engine.applied()) {
    return {0, answer_once_reached(api, call.exchange, call.principal.reach, secret_sha256, names_secret,
                                   at_least->sequence)};
  }
  answer_decision(api, call.response(), call.principal.reach, secret_sha256, names_secret);
  return {};
}

}  // namespace revoked::net
