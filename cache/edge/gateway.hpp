#pragma once
// An edge gateway without its HTTP server: near cache, follower, subscription and the questions to the
// engine. The follower and everything that talks run on one thread of its own; `check` may be called from any
// thread.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cache/bus/bus_keys.hpp"
#include "cache/edge/engine_client.hpp"
#include "cache/edge/follower.hpp"
#include "cache/edge/near_cache.hpp"
#include "cache/bus/redis.hpp"

namespace revoked::cache {

enum class WhenStale { deny, ask, serve };

class Gateway {
 public:
  struct Options {
    EngineClient::Options engine;
    std::optional<RedisAddress> redis;  // none: the engine's feed only
    BusKeys bus_keys;                   // none: what comes from Redis is hearsay
    NearCache::Options cache;
    Follower::Options follower;
    WhenStale when_stale = WhenStale::deny;
    std::chrono::milliseconds redis_silence{
        1500};         // no message from Redis for so long: follow the feed as well
    std::string name;  // in the acks: {"gateway":name,...}
  };

  // For the log: "redis", "feed", "follower" and what happened to it.
  using EventListener = std::function<void(std::string_view source, std::string_view what)>;

  Gateway(Options options, EventListener on_event);
  ~Gateway();  // stops

  enum class Coverage {
    fresh,      // the lease runs
    repairing,  // the lease runs, something is missing and being read
    stale,
  };

  struct Verdict {
    // None can be had: `stale` and the policy denies, or the engine did not answer.
    std::optional<CachedDecision> decision;
    bool stale = false;  // answered, or not, while stale
  };

  // The answer without waiting, if there is one: from the near cache, or because stale and the policy is
  // deny. Nothing: call ask().
  std::optional<Verdict> check(const engine::Digest& digest) const;

  // Asks the engine (shared with others that ask for the same secret) and keeps the answer. `done` runs on
  // the gateway's thread. An unanswered question is no decision. Questions take turns by the address of the
  // peer that they are for, if one is given; one that has to wait is dropped once `left` is true.
  void ask(const engine::Digest& digest, std::string_view secret, std::function<void(Verdict)> done,
           std::string_view peer = {}, std::shared_ptr<const std::atomic<bool>> left = nullptr);

  struct Status {
    Coverage coverage;
    WhenStale when_stale;
    std::optional<Position> position;
    std::chrono::milliseconds
        since_heard;  // since the last proof that nothing was missing; max() if there was none
    bool redis_connected;
    bool feed_connected;
    NearCache::Size cache;
    std::uint64_t hits, questions, repairs, flushes, invalidations;
    std::string journal;  // the journal id that is followed
    std::uint64_t foreign_messages, unsigned_messages, unreadable_messages;  // which were ignored
  };
  Status status() const;  // from any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace revoked::cache
