#pragma once
// The HTTP side of a gateway: `/check` for nginx auth_request, Envoy ext_authz, Caddy forward_auth, HAProxy
// and Traefik forwardAuth, `/watch`, and health. Every request is answered from its head alone.

#include <memory>
#include <string>
#include <utility>

#include "cache/edge/gateway.hpp"
#include "engine/base/metrics.hpp"
#include "net/check/credential.hpp"
#include "net/http/service.hpp"
#include "net/openapi/document.hpp"

namespace revoked::net {

// The answer of /check.
void answer_verdict(Response& response, const cache::Gateway::Verdict& verdict);

struct CheckOptions {
  CredentialPlaces credential{CredentialPlaces::usual};
  // A CORS preflight (Fetch, "CORS-preflight request") has no key by nature.
  bool allows_preflight = false;
  // The header in which the proxy states the client's method, because it always asks with GET. Empty: the
  // method of the request itself. A proxy that does not overwrite the header would let the client state it.
  std::string method_header;
};

// The OpenAPI document of a gateway.
openapi::Document describe_gateway();

class CheckService final : public Service {
 public:
  // The gateway must outlive the server that this serves. `metrics`: what /metrics has besides the gateway's;
  // null: no /metrics.
  explicit CheckService(cache::Gateway& gateway, std::shared_ptr<const engine::Metrics> metrics = nullptr,
                        CheckOptions options = {});
  std::span<const RouteName> route_names() const override;
  // Proxies forward the head of a request without its body.
  bool ignores_body(const Request&) const override { return true; }
  Outcome handle(Exchange& exchange) override;

 private:
  Outcome check(Exchange& exchange);
  Outcome watch(Exchange& exchange);
  // Whether the client presents a key that can be one; else that has been answered. `decoded`: see
  // CredentialPlaces::find().
  bool read_secret(Exchange& exchange, std::string_view& secret, std::string& decoded) const;
  bool is_keyless_preflight(const Request& request) const;
  void show_readiness(Exchange& exchange, bool detailed) const;
  void show_metrics(Exchange& exchange) const;

  cache::Gateway& gateway_;
  const std::shared_ptr<const engine::Metrics> metrics_;
  const CheckOptions options_;
  const openapi::Document document_;
};

}  // namespace revoked::net
