#pragma once
// The HTTP side of a gateway: `/check` for nginx auth_request, Envoy ext_authz, Caddy forward_auth, HAProxy
// and Traefik forwardAuth, and health. All of it is answered from the heads of requests.

#include "cache/edge/gateway.hpp"
#include "net/http/service.hpp"

namespace revoked::net {

class CheckService final : public Service {
 public:
  // The gateway outlives the server that this serves.
  explicit CheckService(cache::Gateway& gateway) : gateway_(gateway) {}
  // Proxies pass on the head of a request whose body they keep.
  bool ignores_body(const Request&) const override { return true; }
  Outcome handle(Exchange& exchange) override;

 private:
  Outcome check(Exchange& exchange);
  void show_readiness(Exchange& exchange, bool detailed) const;

  cache::Gateway& gateway_;
};

}  // namespace revoked::net
