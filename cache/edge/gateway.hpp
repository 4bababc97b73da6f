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
#include "cache/edge/engine_client.hpp"
#include "cache/edge/follower.hpp"
#include "cache/edge/near_cache.hpp"

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
    std::string name;     // in its reports: see is_gateway_name
    std::string version;  // the same
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

  struct Status {
    Coverage coverage;
    WhenStale when_stale;
    std::optional<Position> position;
    // Since the last proof that nothing was missing; max() if there was none.
    std::chrono::milliseconds since_proof;
    bool redis_connected;
    bool feed_connected;
    NearCache::Size cache;
    std::uint64_t hits, questions, repairs, flushes, invalidations;
    std::string journal;                                                     // the journal id followed
    std::uint64_t foreign_messages, unsigned_messages, unreadable_messages;  // ignored
  };
  Status status() const;  // from any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace revoked::cache
