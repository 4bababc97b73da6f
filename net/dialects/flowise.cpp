// The flowise dialect: DELETE /api/v1/apikey/{id} with a key of the same workspace. The published product
// deletes the key, so a revoked key counts as absent.

#include "net/dialects/dialects.hpp"

namespace revoked::net {
namespace {

using engine::Permission;
using engine::Scope;

void refuse_as_published(const Exchange& exchange, const Refusal& refusal) {
  // The documented status of "error deleting API key"; `not ready` stays 503, since a retry helps.
  const unsigned status = refusal.code == "storage_failed" ? 500 : refusal.status;
  const auto message = [&]() -> std::string_view {
    switch (status) {
      case 401:
        return "Invalid or missing authentication";
      case 403:
        return "Insufficient permissions to delete API keys";
      case 404:
        return "API key with specified ID not found";
      case 412:
        return "Missing required ID parameter or workspace ID";
      case 500:
        return "Error deleting API key";
      default:
        return refusal.detail;
    }
  }();
  std::string body;
  engine::JsonWriter json(body);
  json.open('{').field("statusCode", std::uint64_t{status}).field("success", false);
  json.field("error", reason_phrase(status)).field("message", message).close('}');
  send_error(exchange, status, body);
}

Outcome refuse_precondition(Call& call) { return refuse(call, 412, "precondition_failed", {}); }

Outcome delete_nothing(Api&, Call& call) { return refuse_precondition(call); }

Outcome delete_key(Api& api, Call& call) {
  const auto& reach = call.principal.reach;
  if (!reach.limit(Scope::workspace)) return refuse_precondition(call);
  const auto revoked = revoke_key_within(api, call, call.parameters[0], reach);
  if (!revoked) return refuse(call, revoked.error());
  if (revoked->already) {
    refuse(call, engine::errc::not_found);
  } else {
    call.response().send_json(200, R"({"affected":1,"raw":[]})");
  }
  return {revoked->sequence, {}};
}

constexpr std::string_view prefixes[] = {"/api/v1/apikey"};
constexpr Route routes[] = {
    {Method::delete_, "/api/v1/apikey/{}", delete_key, Permission::keys_revoke},
    {Method::delete_, "/api/v1/apikey", delete_nothing, Permission::keys_revoke},
};

}  // namespace

extern const Dialect flowise;
constinit const Dialect flowise{"flowise",          prefixes,           routes, "Bearer realm=\"revoked\"",
                                present_bearer_key, refuse_as_published};

}  // namespace revoked::net
