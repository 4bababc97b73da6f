// The applications dialect: DELETE /api/v1/applications/{id}/api-keys/{keyId} with a token.

#include "engine/base/uuid.hpp"
#include "net/dialects/dialects.hpp"

namespace revoked::net {
namespace {

using engine::Permission;
using engine::Scope;

// {"error":…,"message":…,"code":…}, left open for `details`.
void open_error(engine::JsonWriter& json, unsigned status, std::string_view message) {
  json.open('{').field("error", reason_phrase(status)).field("message", message);
  json.field("code", std::uint64_t{status});
}

std::string_view message_of(const Refusal& refusal) {
  switch (refusal.status) {
    case 400:
      return "The request contains invalid parameters or malformed data";
    case 401:
      return "Authentication required. Please provide a valid API token";
    case 403:
      return "You don't have permission to access this resource";
    case 404:
      return "The requested resource was not found";
    default:
      return refusal.detail;
  }
}

void refuse_as_published(const Exchange& exchange, const Refusal& refusal) {
  std::string body;
  engine::JsonWriter json(body);
  open_error(json, refusal.status, message_of(refusal));
  json.close('}');
  send_error(exchange, refusal.status, body);
}

// Names each id that is not a UUID. False: an error has been sent.
bool check_ids(Call& call) {
  std::string body;
  engine::JsonWriter json(body);
  open_error(json, 400, message_of({400, {}, {}}));
  json.key("details").open('[');
  bool good = true;
  constexpr std::string_view fields[] = {"id", "keyId"};
  for (std::size_t i = 0; i < std::size(fields); ++i) {
    if (engine::is_uuid(call.parameters[i])) continue;
    good = false;
    json.open('{').field("field", fields[i]).field("message", "Invalid UUID format").close('}');
  }
  json.close(']').close('}');
  if (good) return true;
  log_refusal(call.dialect, call.request(), {400, "invalid_field", {}}, call.principal);
  send_error(call.exchange, 400, body);
  return false;
}

// A key of another application, or outside the caller's reach, is reported as not found.
Outcome revoke_application_key(Api& api, Call& call) {
  if (!check_ids(call)) return {};
  engine::Reach reach = call.principal.reach;
  auto& limit = reach.limits[static_cast<std::size_t>(Scope::application)];
  auto applications = spellings(call.parameters[0]);
  std::erase_if(applications, [&](const auto& id) { return !reach.allows(Scope::application, id); });
  limit = std::move(applications);
  const auto revoked = revoke_key_within(api, call, call.parameters[1], reach);
  if (!revoked) return refuse(call, revoked.error());
  call.response().send_json(200, "{}");
  return {revoked->sequence, {}};
}

constexpr std::string_view prefixes[] = {"/api/v1/applications"};
constexpr Route routes[] = {
    {Method::delete_, "/api/v1/applications/{}/api-keys/{}", revoke_application_key, Permission::keys_revoke},
};

}  // namespace

extern const Dialect applications;
constinit const Dialect applications{
    "applications",
    prefixes,
    routes,
    "Bearer realm=\"revoked\"",
    [](const Request& request) {
      return Presented{bearer_of(request), {.master_key = false, .api_key = false, .token = true}};
    },
    refuse_as_published};

}  // namespace revoked::net
