// GET /openapi.json: what this API is, for programs.

#include "net/api/api.hpp"
#include "net/openapi/document.hpp"

namespace revoked::net {

Outcome show_document(Api& api, Call& call) {
  if (!api.document) return refuse(call, 404, "route_not_found", "no route has this path");
  openapi::send_document(*api.document, call.request(), call.response());
  return {};
}

}  // namespace revoked::net
