// GET /openapi.json: what this API is, for programs.

#include "net/api/api.hpp"
#include "net/openapi/document.hpp"

namespace revoked::net {

Outcome show_document(Api& api, Call& call) {
  openapi::send_document(*api.document, call.request(), call.response());
  return {};
}

}  // namespace revoked::net
