#pragma once
// The HTTP side of a gateway: `/check` for nginx auth_request, Envoy ext_authz and Traefik forwardAuth, and
// health.

#include "cache/gateway.hpp"
#include "net/service.hpp"

namespace revoked::net {

class CheckService final : public Service {
 public:
  // The gateway outlives the server that this serves.
  explicit CheckService(cache::Gateway& gateway) : gateway_(gateway) {}
  Outcome handle(Exchange& exchange) override;

 private:
  Outcome check(Exchange& exchange);
  void show_readiness(Exchange& exchange, bool detailed) const;

  cache::Gateway& gateway_;
};

}  // namespace revoked::net
