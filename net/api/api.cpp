#include "net/api/api.hpp"

#include <charconv>

#include "net/api/native.hpp"
#include "net/http/log.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {

Outcome refuse(const Dialect& dialect, const Exchange& exchange, const Refusal& refusal,
               const engine::Principal& principal) {
  if (refusal.status == 401) exchange.response.header("WWW-Authenticate", dialect.challenge);
  if (&dialect != &native || refusal.status == 401 || refusal.status == 403)
    log_refusal(dialect, exchange.request, refusal, principal);
  dialect.refuse(exchange, refusal);
  return {};
}

Outcome refuse(Call& call, boost::system::error_code error) {
  if (error == engine::errc::not_recalled) {
    call.recalled.ask_again();
    return {};
  }
  const auto [status, code] = problem_kind(error);
  return refuse(call, status, code, error.message());
}

Outcome refuse(Call& call, unsigned status, std::string_view code, std::string_view detail) {
  return refuse(call.dialect, call.exchange, {status, code, detail}, call.principal);
}

Outcome refuse(Call& call, const Fault& fault) {
  return refuse(call.dialect, call.exchange, {400, fault.code, fault.detail, fault.member}, call.principal);
}

void log_refusal(const Dialect& dialect, const Request& request, const Refusal& refusal,
                 const engine::Principal& principal) {
  static LogLimit limit;
  log(limit, engine::Asker::of(principal.actor, principal.actor_kind, &principal.reach), Level::info,
      "refused",
      {{"dialect", dialect.name},
       {"status", std::to_string(refusal.status)},
       {"code", refusal.code},
       {"actor", principal.actor},
       {"actor_kind", to_string(principal.actor_kind)},
       {"request_id", request.id},
       {"trace_id", trace_id_of(request)},
       {"address", request.remote_address}});
}

namespace {

AnswerLog& begin_change(const Call& call) {
  auto& line = call.exchange.connection.answer_log();
  line.begin(Level::info, "change");
  return line;
}

void describe_change(const Call& call, AnswerLog& line, engine::Position position, bool already) {
  line.field("position", position).field("outcome", already ? "already" : "done");
  log_caller(line, call.request(), call.principal);
}

}  // namespace

void log_change(const Call& call, std::string_view verb, std::string_view key_id, engine::Position position,
                bool already) {
  auto& line = begin_change(call);
  if (key_id.empty())
    line.fields({{"verb", verb}, {"dialect", call.dialect.name}});
  else
    line.fields({{"verb", verb}, {"dialect", call.dialect.name}, {"key_id", key_id}});
  describe_change(call, line, position, already);
}

void log_change(const Call& call, std::string_view verb, const ChangedOwner& owner,
                engine::Position position) {
  auto& line = begin_change(call);
  line.fields(
      {{"verb", verb}, {"dialect", call.dialect.name}, {"scope", to_string(owner.scope)}, {"id", owner.id}});
  describe_change(call, line, position, false);
}

void log_caller(AnswerLog& line, const Request& request, const engine::Principal& principal) {
  line.fields({{"actor", principal.actor},
               {"actor_kind", to_string(principal.actor_kind)},
               {"address", request.remote_address},
               {"request_id", request.id}});
  if (const auto trace_id = trace_id_of(request); !trace_id.empty()) line.field("trace_id", trace_id);
}

void drop_connection(const Exchange& exchange) {
  exchange.response.close_after();
  exchange.connection.close();
}

Task<bool> wait_until_durable(Exchange exchange, engine::Sequence sequence) {
  const bool is_durable = co_await exchange.connection.thread().durable(sequence);
  if (!is_durable) drop_connection(exchange);
  co_return is_durable;
}

std::size_t limit_of(const Query& query, std::size_t otherwise) {
  const auto* const text = query.find("limit");
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), otherwise);
  return otherwise;
}

std::string asker_of(const engine::Principal& principal) {
  std::string asker(1, static_cast<char>(principal.actor_kind));
  return asker.append(principal.actor);
}

Task<bool> read_on_pool(Api& api, Exchange exchange, std::string asker, const std::function<void()>& read) {
  auto& thread = exchange.connection.thread();
  const bool was_read = co_await api.readings->run(thread.executor(), std::move(asker), read);
  if (!was_read) send_problem(exchange.response, engine::errc::overloaded);
  co_return was_read;
}

bool has_share_left(const Api& api, const engine::NewKey& key) {
  using engine::Scope;
  const auto most = api.max_keys_per_workspace;
  // Usually decided at once: all owners together have fewer.
  if (most == 0 || api.engine.size().keys < most) return true;
  for (const auto scope : {Scope::workspace, Scope::application, Scope::user}) {
    const auto owner = key.owners[static_cast<std::size_t>(scope)];
    if (owner.empty()) continue;
    const auto living = api.engine.count_revocable(scope, owner, {});
    return !living || *living < most;
  }
  return true;
}

void set_position(Response& response, engine::Position position) {
  response.header("Revocation-Position", to_string(position));
}

}  // namespace revoked::net
