#pragma once
// The HTTP side of a gateway: `/check` for nginx auth_request, Envoy ext_authz, Caddy forward_auth, HAProxy
// and Traefik forwardAuth, `/watch`, and health. Every request is answered from its head alone.

#include <memory>
#include <utility>

#include "cache/edge/gateway.hpp"
#include "engine/base/metrics.hpp"
#include "net/http/service.hpp"
#include "net/openapi/document.hpp"

namespace revoked::net {

// The answer of /check.
void answer_verdict(Response& response, const cache::Gateway::Verdict& verdict);

// The OpenAPI document of a gateway.
openapi::Document describe_gateway();

class CheckService final : public Service {
 public:
  // The gateway must outlive the server that this serves. `metrics`: what /metrics has besides the gateway's;
  // null: no /metrics.
  explicit CheckService(cache::Gateway& gateway, std::shared_ptr<const engine::Metrics> metrics = nullptr);
  std::span<const RouteName> route_names() const override;
  // Proxies forward the head of a request without its body.
  bool ignores_body(const Request&) const override { return true; }
  Outcome handle(Exchange& exchange) override;

 private:
  Outcome check(Exchange& exchange);
  Outcome watch(Exchange& exchange);
  void show_readiness(Exchange& exchange, bool detailed) const;
  void show_metrics(Exchange& exchange) const;

  cache::Gateway& gateway_;
  const std::shared_ptr<const engine::Metrics> metrics_;
  const openapi::Document document_;
};

}  // namespace revoked::net
