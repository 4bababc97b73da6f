#include "net/api/api_document.hpp"

#include "net/api/route_rules.hpp"

namespace revoked::net {
namespace {

using openapi::RouteFacts;

std::string_view name_of(engine::Permission permission) {
  return permission == engine::Permission::master_key ? "master key" : to_string(permission);
}

void add_rules_of_changes(const Dialect& dialect, const Route& route, RouteFacts& facts) {
  const bool waits = waits_for_gateways(route);
  facts.headers.push_back("Revocation-Position");
  if (waits)
    facts.headers.insert(facts.headers.end(),
                         {"Preference-Applied", "Revocation-Enforced", "Revocation-Enforced-After"});
  facts.is_accepted_early = answers_early(dialect, route);
  facts.is_replayed = is_done_once(dialect, route);
  if (waits || facts.is_accepted_early) {
    facts.parameters.push_back(!waits                    ? "Prefer.respond-async"
                               : facts.is_accepted_early ? "Prefer"
                                                         : "Prefer.wait");
  }
  if (facts.is_replayed) facts.parameters.push_back("Idempotency-Key");
}

// Those that the service answers before it calls the handler.
void add_problems(const Dialect& dialect, const Route& route, RouteFacts& facts) {
  auto& codes = facts.problems;
  const auto add = [&](std::initializer_list<std::string_view> more) { codes.insert(codes.end(), more); };
  add({"invalid_parameter"});
  if (route.permission) add({"unauthenticated", "forbidden", "not_ready", "storage_failed"});
  if (!answers_always(route)) add({"not_current"});
  if (needs_leader(route)) add({"leader_lost"});
  if (changes_something(route)) add({"overloaded"});
  if (grows(route)) add({"storage_full"});
  if (waits_for_gateways(route) || is_done_once(dialect, route)) add({"invalid_field"});
  if (is_done_once(dialect, route)) add({"request_in_progress", "reply_sealed", "idempotency_key_reused"});
}

openapi::DescribedApi described(const Dialect& dialect) {
  openapi::DescribedApi api{dialect.name, {}};
  for (const auto& route : dialect.routes) {
    auto& facts =
        api.routes.emplace_back(RouteFacts{.method = method_name(route.method), .pattern = route.pattern});
    facts.query = route.query;
    facts.takes_lines = route.takes_body;
    if (route.permission) facts.permission = name_of(*route.permission);
    if (changes_something(route)) add_rules_of_changes(dialect, route, facts);
    // Published dialects have errors of their own.
    if (&dialect == &native) add_problems(dialect, route, facts);
  }
  return api;
}

}  // namespace

openapi::Document describe_engine(std::span<const Dialect* const> dialects) {
  std::vector<openapi::DescribedApi> apis{described(native)};
  for (const auto* dialect : dialects) apis.push_back(described(*dialect));
  return openapi::Document("engine", apis);
}

}  // namespace revoked::net
