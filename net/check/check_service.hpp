#pragma once
// The HTTP side of a gateway: `/check` for nginx auth_request, Envoy ext_authz, Caddy forward_auth, HAProxy
// and Traefik forwardAuth, `/watch`, and health. Every request is answered from its head alone.

#include "cache/edge/gateway.hpp"
#include "net/http/service.hpp"

namespace revoked::net {

// The answer of /check.
void answer_verdict(Response& response, const cache::Gateway::Verdict& verdict);

class CheckService final : public Service {
 public:
  // The gateway must outlive the server that this serves.
  explicit CheckService(cache::Gateway& gateway) : gateway_(gateway) {}
  // Proxies forward the head of a request without its body.
  bool ignores_body(const Request&) const override { return true; }
  Outcome handle(Exchange& exchange) override;

 private:
  Outcome check(Exchange& exchange);
  Outcome watch(Exchange& exchange);
  void show_readiness(Exchange& exchange, bool detailed) const;

  cache::Gateway& gateway_;
};

}  // namespace revoked::net
