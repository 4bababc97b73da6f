// The flowplate dialect: keys of a user, under /v1/flowplate/api-keys, for internal services.

#include <algorithm>
#include <array>

#include "net/api/asked_key.hpp"
#include "net/dialects/dialects.hpp"

namespace revoked::net {
namespace {

using engine::JsonWriter;
using engine::Permission;
using engine::Scope;

struct PublishedError {
  std::string_view code;
  std::string_view type;
  std::string_view message;
  std::string_view system_message;  // empty: the detail of the refusal
};

PublishedError published(unsigned status) {
  switch (status) {
    case 401:
      return {"AUTHENTICATION_REQUIRED", "authentication_error",
              "Authentication required. Please provide a valid API key.",
              "Missing or invalid authorization header"};
    case 403:
      return {"INSUFFICIENT_PERMISSIONS", "authorization_error",
              "You do not have permission to access this resource.",
              "Insufficient permissions for this operation"};
    case 404:
      return {"RESOURCE_NOT_FOUND", "not_found_error", "The requested resource was not found.", {}};
    case 405:
      return {"METHOD_NOT_ALLOWED", "invalid_request_error", "This method is not allowed here.", {}};
    case 409:
      return {"RESOURCE_CONFLICT", "conflict_error", "The resource exists already.", {}};
    case 503:
      return {"SERVICE_UNAVAILABLE", "server_error", "The service is not available.", {}};
    default:
      break;
  }
  if (status >= 500) return {"INTERNAL_SERVER_ERROR", "server_error", "An internal error occurred.", {}};
  return {"VALIDATION_ERROR", "invalid_request_error", "The request is not valid.", {}};
}

void refuse_as_published(const Exchange& exchange, const Refusal& refusal) {
  const auto error = published(refusal.status);
  const auto traced_by = trace_id_of(exchange.request);
  std::string body;
  JsonWriter json(body);
  json.open('{').field("success", false).key("error").open('{');
  json.field("code", error.code).field("message", error.message);
  json.field("system_message", error.system_message.empty() ? refusal.detail : error.system_message);
  json.field("type", error.type).field("status", std::uint64_t{refusal.status}).key("details").raw("{}");
  json.field("trace_id", traced_by.empty() ? exchange.request.id : traced_by);
  json.key("timestamp").time(engine::now_unix_ms()).close('}').close('}');
  send_error(exchange, refusal.status, body);
}

Presented present(const Request& request) {
  if (const auto key = request[Header::x_flowplate_master_key]; !key.empty()) {
    return {key, {.master_key = true, .api_key = false, .token = false}};
  }
  return {request[Header::x_api_key], {.master_key = true, .api_key = true, .token = false}};
}

constexpr std::string_view done = R"({"success":true,"message":"Operation completed successfully"})";

// Also a success if the user has no keys.
Outcome revoke_user_keys(Api& api, Call& call) {
  const auto& user = call.parameters[0];
  api.single_revocations->note();
  const auto revoked = api.engine.revoke_owner(Scope::user, user, call.dialect.name, call.caller());
  if (!revoked) return refuse(call, revoked.error());
  const auto position = api.engine.position_of(revoked->sequence);
  log_change(call, "owner.revoked", {Scope::user, user}, position);
  call.exchange.connection.answer_log().field("keys", std::to_string(revoked->keys));
  set_position(call.response(), position);
  call.response().send_json(200, done);
  return {revoked->sequence, {}};
}

// "user" without an id must not be taken for the id of a key.
Outcome refuse_no_user(Api&, Call& call) {
  return refuse(call, 404, "route_not_found", "the user id is missing");
}

Outcome revoke_one_key(Api& api, Call& call) {
  const auto revoked = revoke_key_within(api, call, call.parameters[0], call.principal.reach);
  if (!revoked) return refuse(call, revoked.error());
  call.response().send_json(200, done);
  return {revoked->sequence, {}};
}

// The members of the native API, with the user as `user_id`.
constexpr auto forms = [] {
  std::array<MemberForm, key_forms.size() + 1> all;
  std::ranges::copy(key_forms, all.begin());
  all.back() = {"user_id", JsonMember::Kind::string, owner_form};
  return all;
}();

Outcome create_user_key(Api& api, Call& call) {
  Members members;
  if (const auto fault = members.read(call.request().body, forms)) return refuse(call, fault);
  if (members.find("user") != nullptr && members.find("user_id") != nullptr)
    return refuse(call, 400, "invalid_field", "user and user_id exclude each other");
  members.rename("user_id", "user");
  AskedKey asked;
  if (const auto fault = read_asked_key(asked, std::move(members), api.engine, call.principal))
    return refuse(call, fault);
  if (!has_share_left(api, asked.key)) return refuse(call, 409, "limit_reached", no_share_left);
  const auto created = create_asked_key(api, call, asked);
  if (!created) return refuse(call, created.error());
  std::string body;
  JsonWriter json(body);
  json.open('{').field("success", true).field("message", "API key created successfully");
  json.field("key_id", created->key_id).optional_field("api_key", asked.issued_secret);
  json.optional_field("user_id", asked.key.owners[static_cast<std::size_t>(Scope::user)]);
  json.optional_field("name", asked.key.name).key("created_at").time(created->at);
  if (asked.key.expires_at != 0) json.key("expires_at").time(asked.key.expires_at);
  json.close('}');
  const auto position = api.engine.position_of(created->sequence);
  log_change(call, "key.created", created->key_id, position);
  set_position(call.response(), position);
  call.response().header("Cache-Control", "no-store").send_json(201, body);
  return {created->sequence, {}};
}

constexpr std::string_view prefixes[] = {"/v1/flowplate"};
constexpr Route routes[] = {
    {Method::delete_, "/v1/flowplate/api-keys/user/{}", revoke_user_keys, Permission::keys_revoke},
    {Method::delete_, "/v1/flowplate/api-keys/user", refuse_no_user, Permission::keys_revoke},
    {Method::delete_, "/v1/flowplate/api-keys/{}", revoke_one_key, Permission::keys_revoke},
    {Method::post, "/v1/flowplate/api-keys", create_user_key, Permission::keys_create},
};

}  // namespace

extern const Dialect flowplate;
constinit const Dialect flowplate{"flowplate", prefixes,           routes, "ApiKey realm=\"revoked\"",
                                  present,     refuse_as_published};

}  // namespace revoked::net
