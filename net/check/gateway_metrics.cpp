#include "net/check/gateway_metrics.hpp"

namespace revoked::net {
namespace {

using cache::Coverage;
using cache::Gateway;
using engine::MetricsWriter;

double in_seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void write_coverage(const Gateway::Status& status, MetricsWriter& out) {
  out.gauge("revoked_gateway_coverage", "1 for the state that the gateway is in.");
  for (const auto coverage : {Coverage::fresh, Coverage::repairing, Coverage::stale})
    out.sample(status.coverage == coverage, {{"state", to_string(coverage)}});
  out.counter("revoked_gateway_stale_seconds_total", "Time in which the gateway was stale, since its start.")
      .sample(in_seconds(status.stale_for));
  if (status.since_proof != std::chrono::milliseconds::max())
    out.gauge("revoked_gateway_proof_age_seconds", "Time since the engine sent the last proof received.")
        .sample(in_seconds(status.since_proof));
  if (status.position) {
    out.gauge("revoked_gateway_position_sequence", "Sequence up to which all events are applied.")
        .sample(std::uint64_t{status.position->sequence});
    out.gauge("revoked_gateway_position_epoch", "Epoch of that sequence.")
        .sample(std::uint64_t{status.position->epoch});
  }
  out.gauge("revoked_gateway_engine_in_use", "1 for the engine that the gateway uses.")
      .sample(true, {{"engine", status.engine}});
  out.counter("revoked_gateway_engine_changes_total", "Times that the gateway went on with another engine.")
      .sample(status.engine_changes);
  out.gauge("revoked_gateway_connected", "1 while connected to this source of messages.")
      .sample(status.redis_connected, {{"source", "redis"}})
      .sample(status.feed_connected, {{"source", "feed"}});
}

void write_cache(const Gateway::Status& status, MetricsWriter& out) {
  out.counter("revoked_cache_hits_total", "Look-ups in the near cache that found a decision.")
      .sample(status.hits);
  out.counter("revoked_cache_misses_total", "Look-ups in the near cache that found none.")
      .sample(status.misses);
  out.gauge("revoked_cache_entries", "Decisions in the near cache.")
      .sample(std::uint64_t{status.cache.entries});
  out.gauge("revoked_cache_marks", "Events kept to reject answers from before them.")
      .sample(std::uint64_t{status.cache.marks});
  out.counter("revoked_cache_flushes_total", "Times that the whole near cache was dropped.")
      .sample(status.flushes);
  out.counter("revoked_cache_invalidations_total", "Events applied to the near cache.")
      .sample(status.invalidations);
  out.counter("revoked_questions_total", "Questions put to the engine.").sample(status.questions);
  out.counter("revoked_failed_questions_total", "Questions that the engine did not answer.")
      .sample(status.failed_questions);
}

void write_messages(const Gateway::Status& status, MetricsWriter& out) {
  out.counter("revoked_bus_messages_total", "Messages received from Redis and from the engine's feed.")
      .sample(status.applied_messages, {{"kind", "applied"}})
      .sample(status.known_messages, {{"kind", "duplicate"}})
      .sample(status.heartbeats, {{"kind", "heartbeat"}})
      .sample(status.hints, {{"kind", "hint"}})
      .sample(status.foreign_messages, {{"kind", "foreign"}})
      .sample(status.unsigned_messages, {{"kind", "unsigned"}})
      .sample(status.unreadable_messages, {{"kind", "unreadable"}});
  out.counter("revoked_repairs_total", "Requests for missing events.").sample(status.repairs);
}

void write_denied_uses(const Gateway::Status& status, MetricsWriter& out) {
  out.counter("revoked_denied_uses_total", "Attempts with a key that is denied, by the state of the key.");
  for (const auto state : engine::denied_key_states)
    out.sample(status.denied.by_state[static_cast<std::size_t>(state)], {{"state", to_string(state)}});
  out.counter("revoked_denied_uses_dropped_total", "Those of them that no report to the engine has.")
      .sample(status.denied.dropped);
}

}  // namespace

void write_gateway_metrics(const Gateway::Status& status, MetricsWriter& out) {
  const bool is_stale = status.coverage == Coverage::stale;
  out.gauge("revoked_ready", "1 if the program serves: see /readyz.")
      .sample(!is_stale || status.when_stale != cache::WhenStale::deny);
  out.gauge("revoked_watches", "Answers of /watch that are held open.").sample(std::uint64_t{status.watches});
  write_coverage(status, out);
  write_cache(status, out);
  write_denied_uses(status, out);
  write_messages(status, out);
}

}  // namespace revoked::net
