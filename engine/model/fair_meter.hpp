#pragma once
// Rate limiter for output that callers cause (entries of the audit trail, log lines): admits events up to a
// rate and counts the rest. Each caller has its own share, and each tenant one for all of its callers, so
// that none can use up the share of another. All unauthenticated callers have one share.
// Thread-safe.

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/mutex.hpp"
#include "engine/model/policy.hpp"

namespace revoked::engine {

// The caller whose share an event counts against. Views.
struct Asker {
  std::string_view tenant;  // empty: none
  ActorKind kind = ActorKind::unknown;
  std::string_view actor;  // empty: unauthenticated

  // The tenant is the first owner that the caller is limited to; a workspace takes precedence.
  static Asker of(std::string_view actor, ActorKind kind, const Reach* reach);
};

class FairMeter {
 public:
  // A burst, then one more per `every_ms`.
  struct Rate {
    std::int64_t burst;
    UnixMs every_ms;
  };
  struct Rates {
    Rate caller;
    Rate tenant;
    Rate unauthenticated;
  };
  // The least recently seen asker is evicted and later starts with a full share.
  static constexpr std::size_t max_shares = 4096;

  explicit FairMeter(Rates rates) : rates_(rates) {}

  // Whether the event passes; then `others` is how many of this asker's were held back since the last that
  // did.
  bool admit(const Asker& asker, UnixMs now, std::uint64_t& others);
  // The same for the count of unauthenticated callers when no new event has occurred. False if there is
  // nothing to report, or it is too early.
  bool take_count(UnixMs now, std::uint64_t& others);

 private:
  struct Share {
    std::string name;
    UnixMs spent_until = 0;  // when everything admitted is paid off
    std::uint64_t held_back = 0;
  };
  using Shares = std::list<Share>;  // most recent first

  Share& share_of(std::string name) REVOKED_REQUIRES(mutex_);
  static bool has_room(const Share& share, const Rate& rate, UnixMs now);
  static void spend(Share& share, const Rate& rate, UnixMs now);

  const Rates rates_;
  Mutex<lone_level> mutex_;
  Share unauthenticated_ REVOKED_GUARDED_BY(mutex_);
  Shares shares_ REVOKED_GUARDED_BY(mutex_);
  // Not hashed: callers choose the names.
  std::map<std::string, Shares::iterator, std::less<>> by_name_ REVOKED_GUARDED_BY(mutex_);
};

}  // namespace revoked::engine
