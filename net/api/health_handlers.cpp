// Liveness, readiness and health, which are open to all, so they reveal nothing about keys; and the engines.

#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/http/network_thread.hpp"

namespace revoked::net {
namespace {

using engine::JsonWriter;

std::string_view readiness(const Api& api) {
  if (api.is_draining) return "draining";
  if (api.engine.has_failed()) return "storage_failed";
  return api.engine.is_ready() ? "ready" : "loading";
}

void send_status(Call& call, std::string_view status, bool good) {
  std::string body;
  JsonWriter(body).open('{').field("status", status).close('}');
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
  send_status(call, status, status == "ready");
  return {};
}

Outcome show_health(Api& api, Call& call) {
  const auto status = readiness(api);
  std::string body;
  JsonWriter json(body);
  json.open('{').field("status", status);
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

// An engine has a journal of its own: it leads, and there is no other.
Outcome show_engines(Api& api, Call& call) {
  const auto status = readiness(api);
  std::string body;
  JsonWriter json(body);
  json.open('{').key("engines").open('[').open('{');
  json.field("url", std::string_view(url_of(api, call))).field("role", std::string_view("leader"));
  json.field("position", api.feed.place().position).field("lag", std::uint64_t{0});
  json.field("state", status == "ready" ? std::string_view("current") : status);
  json.close('}').close(']').close('}');
  call.response().header("Cache-Control", "no-store");
  call.response().send_json(200, body);
  return {};
}

}  // namespace revoked::net
