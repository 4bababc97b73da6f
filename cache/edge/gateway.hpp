#pragma once
// An edge gateway without its HTTP server: near cache, follower, subscription and questions to the engine.
// The follower and all I/O run on its own thread; `check` may be called from any thread.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cache/bus/bus_keys.hpp"
#include "cache/bus/redis.hpp"
#include "cache/bus/report.hpp"
#include "cache/edge/denied_attempts.hpp"
#include "cache/edge/engine_client.hpp"
#include "cache/edge/follower.hpp"
#include "cache/edge/near_cache.hpp"
#include "cache/edge/watcher.hpp"

namespace revoked::cache {

class Gateway {
 public:
  struct Options {
    EngineClient::Options engine;
    std::optional<RedisAddress> redis;  // none: the engine's feed only
    BusKeys bus_keys;                   // none: messages from Redis are hints only
    NearCache::Options cache;
    Follower::Options follower;
    WhenStale when_stale = WhenStale::deny;
    // Without a message from Redis for this time the feed is followed as well.
    std::chrono::milliseconds redis_silence{1500};
    WatchLimits watches;
    std::string name;     // in its reports: see is_gateway_name
    std::string version;  // the same
    // Called when the gateway's thread has thrown, and ends: a bug, or no memory. By then nothing is followed
    // any more; the gateway must be destroyed, by another thread. None: the process ends.
    std::function<void()> on_failure;
  };

  // For the log: the source ("redis", "feed", "follower") and its event.
  using EventListener = std::function<void(std::string_view source, std::string_view what)>;

  Gateway(Options options, EventListener on_event);
  ~Gateway();  // stops

  using Coverage = cache::Coverage;

  struct Verdict {
    // Empty: stale with policy deny, or the engine did not answer.
    std::optional<CachedDecision> decision;
    bool stale = false;  // the gateway was stale
  };

  // The verdict if it needs no question: from the near cache, or because of stale with policy deny. Otherwise
  // empty: call ask().
  std::optional<Verdict> check(const engine::Digest& digest) const;

  // Asks the engine (shared with concurrent questions about the same secret) and caches the answer. `done`
  // runs on the gateway's thread. No answer means no decision. Questions are served round-robin by `peer`,
  // the client's address, if given; a queued one is dropped once `left` is true. The request to the engine
  // has the `traceparent` of its first asker.
  void ask(const engine::Digest& digest, std::string_view secret, std::function<void(Verdict)> done,
           std::string_view peer = {}, std::shared_ptr<const std::atomic<bool>> left = nullptr,
           std::string traceparent = {});

  // What becomes of a watch. If it is held, the verdict was an active decision.
  struct WatchStart {
    bool is_held = false;
    bool gateway_is_full = false;
    bool key_is_full = false;
    Verdict verdict{};  // of a watch that is not held, and was not refused for want of room
  };

  // Tells `watcher` once the key is denied. From any thread; `done` runs on the gateway's thread, and the
  // watcher may be told before. One that is held and was not told is known until the `done` of unwatch(), and
  // may be told until what its executor was given by then has run.
  void watch(Watcher& watcher, const engine::Digest& digest, std::string secret,
             std::function<void(WatchStart)> done, std::string_view peer = {});
  void unwatch(Watcher& watcher, std::function<void()> done);
  // Counts an attempt with a key that is revoked, expired, suspended or locked, for the engine's trail; any
  // other decision is not counted. The client is at the address `forwarded`, if that is one, or else `peer`.
  void note_denied(const CachedDecision& decision, std::string_view forwarded, std::string_view peer);

  struct Status {
    Coverage coverage;
    WhenStale when_stale;
    std::optional<Position> position;
    // Since the last proof that nothing was missing; max() if there was none.
    std::chrono::milliseconds since_proof;
    std::string engine;            // the URL of the one in use
    std::uint64_t engine_changes;  // to another engine
    bool redis_connected;
    bool feed_connected;
    NearCache::Size cache;
    std::size_t watches;
    DeniedAttempts::Counts denied;
    std::uint64_t hits, misses;                 // of look-ups in the near cache
    std::uint64_t questions, failed_questions;  // to the engine
    std::uint64_t repairs, flushes, invalidations;
    // Messages of that journal: applied, applied before, and (hints) not to be relied on: unsigned.
    std::uint64_t applied_messages, known_messages, heartbeats, hints;
    std::uint64_t ticks;                                                     // grows while its thread works
    std::chrono::nanoseconds stale_for;                                      // in all, from the start
    std::string journal;                                                     // the journal id followed
    std::uint64_t foreign_messages, unsigned_messages, unreadable_messages;  // ignored
  };
  Status status() const;  // from any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace revoked::cache
