#pragma once
// Lets so many through of what callers cause at will (entries of the audit trail, lines of the log), and
// counts the rest. Each caller has a share of its own, and each tenant one for all of its callers together,
// so that nobody uses up what is there for the others; all strangers have one between them. Thread-safe.

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/model/policy.hpp"

namespace revoked::engine {

// Whose share something counts against. Views.
struct Asker {
  std::string_view tenant;  // empty: of none
  ActorKind kind = ActorKind::unknown;
  std::string_view actor;  // empty: a stranger

  // The tenant is the first owner that the caller is limited to, a workspace before others.
  static Asker of(std::string_view actor, ActorKind kind, const Reach* reach);
};

class FairMeter {
 public:
  // So many at once, and one more each `every_ms`.
  struct Rate {
    std::int64_t burst;
    UnixMs every_ms;
  };
  struct Rates {
    Rate caller;
    Rate tenant;
    Rate strangers;
  };
  // Who was heard longest ago makes room, and starts afresh.
  static constexpr std::size_t max_shares = 4096;

  explicit FairMeter(Rates rates) : rates_(rates) {}

  // Whether this one passes; then `others` is how many of the same asker's did not since the last that did.
  bool admit(const Asker& asker, UnixMs now, std::uint64_t& others);
  // The same for the strangers' count alone: nothing has happened now, but something before was not let
  // through. False if there is nothing to tell, or not yet.
  bool take_count(UnixMs now, std::uint64_t& others);

 private:
  struct Share {
    std::string name;
    UnixMs spent_until = 0;  // what was let through is paid for by then
    std::uint64_t held_back = 0;
  };
  using Shares = std::list<Share>;  // the latest first

  Share& share_of(std::string name);
  static bool has_room(const Share& share, const Rate& rate, UnixMs now);
  static void spend(Share& share, const Rate& rate, UnixMs now);

  const Rates rates_;
  std::mutex mutex_;
  Share strangers_;
  Shares shares_;
  std::map<std::string, Shares::iterator, std::less<>> by_name_;  // no hash: callers choose the names
};

}  // namespace revoked::engine
