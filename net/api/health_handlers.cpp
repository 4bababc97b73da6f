// Liveness, readiness and health, which are open to all, so they reveal nothing about keys; and the engines.

#include <algorithm>

#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/http/network_thread.hpp"

namespace revoked::net {
namespace {

using engine::JsonWriter;

std::string_view readiness(const Api& api) {
  if (api.is_draining) return "draining";
  if (api.engine.has_failed()) return "storage_failed";
  if (!api.engine.is_ready()) return "loading";
  return api.standing == nullptr || api.standing->is_current() ? "ready" : "not_current";
}

std::string_view role_of(const Api& api) {
  const bool follows = api.standing != nullptr && api.standing->role() == engine::Standing::Role::follower;
  return follows ? "follower" : "leader";
}

void send_status(Call& call, std::string_view status, bool good, std::string_view role = {}) {
  std::string body;
  JsonWriter json(body);
  json.open('{').field("status", status);
  if (!role.empty()) json.field("role", role);
  json.close('}');
  call.response().header("Cache-Control", "no-store");
  call.response().send_json(good ? 200 : 503, body);
}

// Where this caller reaches the engine, unless there is a better answer.
std::string url_of(const Api& api, const Call& call) {
  if (!api.advertised_url.empty()) return api.advertised_url;
  const bool is_encrypted = call.exchange.connection.thread().certificate() != nullptr;
  return std::string(is_encrypted ? "https://" : "http://").append(call.request()[Header::host]);
}

}  // namespace

Outcome show_liveness(Api&, Call& call) {
  send_status(call, "alive", true);
  return {};
}

Outcome show_readiness(Api& api, Call& call) {
  const auto status = readiness(api);
  send_status(call, status, status == "ready", role_of(api));
  return {};
}

Outcome show_health(Api& api, Call& call) {
  const auto status = readiness(api);
  std::string body;
  JsonWriter json(body);
  json.open('{').field("status", status).field("role", role_of(api));
  if (api.engine.is_ready()) {
    json.field("applied", std::uint64_t{api.engine.applied()})
        .field("durable", std::uint64_t{api.engine.durable()});
    json.field("epoch", std::uint64_t{api.engine.epoch()});
    const auto usage = api.engine.usage_counts();
    json.key("usage").open('{').field("ignored", usage.ignored).field("dropped", usage.dropped).close('}');
  }
  json.key("redis").raw(!api.is_redis_connected    ? "null"
                        : api.is_redis_connected() ? "\"connected\""
                                                   : "\"away\"");
  json.close('}');
  call.response().header("Cache-Control", "no-store");
  call.response().send_json(status == "ready" ? 200 : 503, body);
  return {};
}

// Of an engine that has not been heard of for that long.
constexpr std::chrono::seconds gone_after{5};

// Those that share a journal, as the journal's server shows them; or the only one, which leads.
Outcome show_engines(Api& api, Call& call) {
  const auto status = readiness(api);
  const auto here = status == "ready" ? std::string_view("current") : status;
  std::vector<engine::EngineShown> engines;
  if (api.standing != nullptr) engines = api.standing->engines();
  const bool is_shown = std::ranges::any_of(engines, &engine::EngineShown::is_this);
  const auto position = api.feed.place().position;
  if (!is_shown) engines.push_back({url_of(api, call), {}, position, {}, {}, true});
  auto newest = position;
  for (const auto& each : engines) newest = std::max(newest, each.position);
  std::string body;
  JsonWriter json(body);
  json.open('{').key("engines").open('[');
  for (const auto& each : engines) {
    const auto at = each.is_this ? position : each.position;
    json.open('{').field("url", std::string_view(each.url));
    const bool is_gone = !each.is_this && each.silent_for > gone_after;
    json.field("role", each.is_this ? role_of(api) : is_gone ? "follower" : std::string_view(each.role));
    json.field("position", at)
        .field("lag", std::uint64_t{newest.sequence - std::min(newest.sequence, at.sequence)});
    json.field("state", each.is_this ? here : is_gone ? "gone" : "current").close('}');
  }
  json.close(']').close('}');
  call.response().header("Cache-Control", "no-store");
  call.response().send_json(200, body);
  return {};
}

}  // namespace revoked::net
