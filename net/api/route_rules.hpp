#pragma once
// What follows from a route's entry in its table: for the service that answers, and for the document that
// describes it (api_document).

#include "net/api/native.hpp"

namespace revoked::net {

inline bool changes_something(const Route& route) {
  using engine::Permission;
  return route.permission == Permission::keys_create || route.permission == Permission::keys_write ||
         route.permission == Permission::keys_revoke;
}

// Of several engines, only the one that leads makes changes, and hears from all gateways.
inline bool needs_leader(const Route& route) {
  return changes_something(route) || route.handler == show_gateways || route.handler == forget_gateway ||
         route.handler == show_receipt || route.handler == take_report;
}

// Whether an engine answers it that is not current: nothing in the answer depends on the journal.
inline bool answers_always(const Route& route) { return !route.permission || route.handler == show_engines; }

// Whether the route lets the journal grow without bound; revoking and suspending keys do not.
inline bool grows(const Route& route) {
  using engine::Permission;
  return route.permission == Permission::keys_create ||
         (route.permission == Permission::keys_write && route.handler != suspend_key);
}

// `Prefer: wait=N`. A new key is nothing that gateways could enforce.
inline bool waits_for_gateways(const Route& route) {
  return changes_something(route) && route.permission != engine::Permission::keys_create;
}

// `Prefer: respond-async`. Published dialects do not know it, and an edit answers what it reads from the
// disk.
inline bool answers_early(const Dialect& dialect, const Route& route) {
  return changes_something(route) && !route.takes_body && route.method != Method::patch &&
         &dialect == &native;
}

// `Idempotency-Key`.
inline bool is_done_once(const Dialect& dialect, const Route& route) {
  return answers_early(dialect, route) && route.method == Method::post;
}

}  // namespace revoked::net
