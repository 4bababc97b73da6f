// GET /metrics: the state of the engine, and what the program's other parts add (docs/metrics.md). No id of a
// key or an owner: the number of series has a bound.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "net/api/api.hpp"

namespace revoked::net {
namespace {

using cache::Coverage;
using engine::MetricsWriter;

constexpr std::size_t max_named_gateways = 1'000;
constexpr std::size_t max_propagation_gateways = 100;  // a histogram has many series

void write_journal(const engine::Engine& engine, MetricsWriter& out) {
  out.counter("revoked_journal_events_total", "Events in the journal: the sequence of the last one.")
      .sample(std::uint64_t{engine.applied()});
  out.gauge("revoked_journal_durable_sequence", "Sequence up to which the journal is synced to disk.")
      .sample(std::uint64_t{engine.durable()});
  out.gauge("revoked_journal_epoch", "Epoch of the journal: one more at each start.")
      .sample(std::uint64_t{engine.epoch()});
  out.histogram("revoked_commit_seconds", "Time to write a batch of events and sync it to disk.")
      .sample(engine.commits().total());
}

void write_size(const engine::Engine& engine, MetricsWriter& out) {
  const auto size = engine.size();
  out.gauge("revoked_keys", "Keys in memory, whatever their state.").sample(std::uint64_t{size.keys});
  out.gauge("revoked_owners", "Owners in memory, by scope.");
  for (const auto scope : engine::all_scopes)
    out.sample(std::uint64_t{size.owners[static_cast<std::size_t>(scope)]}, {{"scope", to_string(scope)}});
}

void write_denied_uses(const engine::Engine& engine, MetricsWriter& out) {
  const auto counts = engine.usage_counts();
  out.counter("revoked_denied_uses_total",
              "Attempts that gateways denied and reported, by the state of the key at the report.");
  for (const auto state : engine::denied_key_states)
    out.sample(counts.denied[static_cast<std::size_t>(state)], {{"state", to_string(state)}});
  out.counter("revoked_denied_uses_dropped_total",
              "Denied attempts that gateways or the engine did not keep.")
      .sample(counts.dropped);
}

struct NamedGateway {
  std::string name;
  std::optional<std::uint64_t> lag;  // positions of another journal cannot be compared
  engine::UnixMs reported_at = 0;
  engine::DurationHistogram::Total propagation{};
};

// All of them by their state, and the first ones by name.
struct Gateways {
  std::array<std::uint64_t, 3> present{};  // by Coverage
  std::uint64_t gone = 0;
  std::vector<NamedGateway> named;
};

Gateways gateways_of(const Api& api) {
  const auto [published, journal] = api.feed.place();
  Gateways found;
  const auto add = [&](const cache::Report& report, cache::GatewayRegistry::Time reported, bool is_gone,
                       const engine::DurationHistogram& propagation) {
    ++(is_gone ? found.gone : found.present[static_cast<std::size_t>(report.coverage)]);
    // Two processes of one name follow each other, and are one series.
    const bool is_known = !found.named.empty() && found.named.back().name == report.gateway;
    if (!is_known && found.named.size() == max_named_gateways) return;
    if (!is_known) found.named.push_back({report.gateway, {}, 0});
    auto& gateway = found.named.back();
    gateway.reported_at = std::max(gateway.reported_at, engine::wall_time_at(reported));
    propagation.add_to(gateway.propagation);
    const bool is_ours = report.journal.empty() || report.journal == journal;
    if (is_ours && report.applied.sequence <= published.sequence)
      gateway.lag = std::max(gateway.lag.value_or(0), published.sequence - report.applied.sequence);
  };
  api.gateways->visit_all(engine::BootClock::now(), add);
  return found;
}

void write_gateways(const Api& api, MetricsWriter& out) {
  const auto gateways = gateways_of(api);
  out.gauge("revoked_gateways", "Gateways that have reported within a day, by what their last report says.");
  for (const auto coverage : {Coverage::fresh, Coverage::repairing, Coverage::stale})
    out.sample(gateways.present[static_cast<std::size_t>(coverage)], {{"state", to_string(coverage)}});
  out.sample(gateways.gone, {{"state", "gone"}});
  out.gauge("revoked_waits", "Answers that wait for gateways.").sample(std::uint64_t{api.gateways->waits()});
  out.gauge("revoked_gateway_lag_events", "Events that the gateway has not reported as applied.");
  for (const auto& [name, lag, reported_at, propagation] : gateways.named) {
    if (lag) out.sample(*lag, {{"gateway", name}});
  }
  out.gauge("revoked_gateway_report_timestamp_seconds", "When the gateway last reported.");
  for (const auto& [name, lag, reported_at, propagation] : gateways.named)
    out.sample(static_cast<double>(reported_at) / 1000, {{"gateway", name}});
  out.histogram("revoked_propagation_seconds",
                "From the publication of an event until the gateway's report that it has applied it.");
  for (std::size_t i = 0; i < std::min(gateways.named.size(), max_propagation_gateways); ++i)
    out.sample(gateways.named[i].propagation, {{"gateway", gateways.named[i].name}});
}

// False: a refusal has been sent.
bool is_allowed(Api& api, Call& call) {
  if (api.metrics_access == MetricsAccess::open) return true;
  if (api.metrics_access == MetricsAccess::off) {
    refuse(call, 404, "route_not_found", "no route has this path");
    return false;
  }
  const auto caller = api.authenticator.authenticate(call.request());
  if (!caller) {
    refuse(call, 401, "unauthenticated", "present a valid key: Authorization: Bearer, or X-API-Key");
    return false;
  }
  if (engine::may(*caller, engine::Permission::gateways_read)) return true;
  refuse(call, 403, "forbidden", "this requires the permission gateways:read");
  return false;
}

}  // namespace

Outcome show_metrics(Api& api, Call& call) {
  if (!is_allowed(api, call)) return {};
  std::string body;
  MetricsWriter out(body);
  const bool is_ready = api.engine.is_ready();
  out.gauge("revoked_ready", "1 if the program serves: see /readyz.").sample(is_ready && !api.is_draining);
  out.gauge("revoked_storage_failed", "1 after a storage error: nothing more is acknowledged.")
      .sample(api.engine.has_failed());
  if (is_ready || api.engine.has_failed()) {
    write_journal(api.engine, out);
    write_size(api.engine, out);
    write_denied_uses(api.engine, out);
  }
  write_gateways(api, out);
  if (api.is_redis_connected)
    out.gauge("revoked_redis_connected", "1 while connected to Redis.").sample(api.is_redis_connected());
  api.metrics->write(out);
  call.response().header("Cache-Control", "no-store");
  call.response().send(200, MetricsWriter::content_type, body);
  return {};
}

}  // namespace revoked::net
