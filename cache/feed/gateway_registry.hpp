#pragma once
// The gateways that report to this engine: what each has applied, since when, and from that which of them
// enforce the events up to a position (docs/receipts.md). Any thread.
//
// Bounded: at most `max_gateways`, with a number of times each; one that no longer reports is kept for a day.
// Two processes with one name, also one that was restarted, are two gateways until the silent one is gone.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/bus/report.hpp"
#include "cache/feed/published_position.hpp"
#include "cache/feed/reached_times.hpp"
#include "engine/base/boot_clock.hpp"
#include "engine/base/counters.hpp"
#include "engine/base/mutex.hpp"

namespace revoked::cache {

// Which gateways enforce the events up to a position.
struct Receipt {
  using Time = engine::BootClock::time_point;

  enum class By {
    applied,  // it has reported so
    lease,    // a gateway that denies or asks when stale has been stale since `at` at the latest
  };
  struct Enforced {
    std::string name;
    By by;
    // When the engine received the report, or the lease had ended. The gateway denied before.
    Time at;
    // Its first report already covered the position: `at` only tells when the engine learnt of it.
    bool is_since_first_report = false;
  };
  std::vector<Enforced> enforced;    // by name
  std::vector<std::string> waiting;  // names of the others
  // When the next of those must be stale. Empty: none of them ever must.
  std::optional<Time> next_lease_end;

  std::size_t gateways() const { return enforced.size() + waiting.size(); }
  std::size_t by_lease() const {
    return static_cast<std::size_t>(std::ranges::count(enforced, By::lease, &Enforced::by));
  }
};

class GatewayRegistry {
 public:
  using Time = engine::BootClock::time_point;

  static constexpr std::size_t max_gateways = 10'000;
  static constexpr std::size_t max_waits = 1'024;  // each is looked at whenever a gateway comes or goes
  static constexpr std::size_t exact_times = 16;   // reports of a gateway of which the time is known exactly
  static constexpr std::chrono::hours kept_for{24};
  // A gateway reports every second. One that has not for this time, and for its lease, is gone.
  static constexpr std::chrono::seconds min_silence{5};
  // How much later than by our clock a lease may end: a gateway relates the clocks once a minute.
  static constexpr std::chrono::milliseconds max_lease_skew{100};
  // All gateways together should not report more often than this in a second.
  static constexpr std::uint64_t max_reports_per_second = 20'000;

  // From where a report came.
  struct Origin {
    enum class Channel {
      http,
      signed_bus,
      bus,  // anybody may send there
    };
    Channel channel = Channel::bus;
    std::string_view caller{};  // of http

    static Origin http(std::string_view caller) { return {Channel::http, caller}; }
    static Origin signed_bus() { return {Channel::signed_bus}; }
    static Origin bus() { return {Channel::bus}; }
  };

  enum class Outcome {
    accepted,
    old,    // not later than one that was accepted: without effect
    full,   // all gateways in the registry are present
    taken,  // another caller reports under this name
  };
  // Over HTTP a name is its first caller's until the gateway leaves or is gone; on a signed bus the signature
  // protects it; a bus without signatures changes nothing that is known over HTTP. `known`: of the report's
  // position.
  Outcome on_report(Report report, const Origin& origin, const PublishedPosition& known, Time now);

  // Whether another caller reports under this name over HTTP.
  bool is_taken(std::string_view name, std::string_view caller, Time now) const;

  enum class Forgotten {
    yes,
    unknown,  // none of this name has reported
    not_gone,
  };
  // Forgets the gateway of this name, if it is gone: every process of it. One that lives after all is new
  // with its next report.
  Forgotten forget(std::string_view name, Time now);

  struct Gateway {
    Report report;
    Time reported;
    bool is_gone = false;
  };
  // In the order of their names.
  std::vector<Gateway> all(Time now) const;
  // The same without copies: calls visit(report, reported, is_gone, propagation) for each, with the lock
  // held; it must not call back. `propagation`: from the publication of a position until the first report of
  // the gateway that has it as its last.
  template <class Visit>
  void visit_all(Time now, Visit&& visit) const {
    const engine::MutexLock lock(mutex_);
    for (const auto& [key, entry] : entries_) {
      if (now - entry.reported <= kept_for)
        visit(entry.report, entry.reported, entry.is_gone(now), entry.propagation);
    }
  }
  std::size_t size() const;

  // The gateways, for an engine that takes their reports from now on: as reports that have
  // applied nothing, one a line, in an order that stays.
  std::string roster() const;
  // Waits for those that are not known yet as if they had reported now. Lines that are no reports are
  // ignored.
  void expect(std::string_view roster, Time now);

  // Which enforce `position`, that was published at `published` or before.
  Receipt receipt(engine::Position position, Time published, Time now) const;

  // The period that gateways should keep between their reports. Empty: as they do by themselves.
  std::optional<std::uint64_t> report_ms() const;

  // A wait for the gateways to enforce a position. As long as it lives, `on_change` is called when the last
  // of them has applied it, or when gateways have come or gone: with the registry's lock held, from any
  // thread. Null: there are `max_waits`.
  class Wait;
  std::unique_ptr<Wait> wait(engine::Position position, std::function<void()> on_change);
  std::size_t waits() const;

 private:
  struct Entry {
    Report report;
    std::string caller;  // over HTTP; empty: it has reported on the bus only
    Time reported;
    std::optional<Time> reported_signed;
    bool is_ours = false;
    // Of its reports of this journal.
    engine::Sequence first_sequence = 0;
    Time first_reported;
    ReachedTimes times{exact_times};
    engine::DurationHistogram propagation;

    bool is_gone(Time now) const {
      return now - reported > std::max<std::chrono::milliseconds>(report.lease, min_silence);
    }
    bool has_applied(engine::Position position) const {
      return is_ours && report.applied.epoch >= position.epoch &&
             report.applied.sequence >= position.sequence;
    }
    void accept(Report newer, const PublishedPosition& known, Time now);
    Receipt::Enforced applied(engine::Sequence sequence) const;
  };
  struct Waiting;
  using Entries = std::map<std::string, Entry, std::less<>>;  // by name, NUL, instance

  using Range = std::pair<Entries::const_iterator, Entries::const_iterator>;
  Range of_name(std::string_view name) const REVOKED_REQUIRES(mutex_);
  bool has_other_caller(std::string_view name, std::string_view caller, Time now) const
      REVOKED_REQUIRES(mutex_);
  bool may_be_anothers(const Report& report, const Origin& origin, Time now) const REVOKED_REQUIRES(mutex_);
  void remove_replaced(const std::string& name, const std::string& key, Time now) REVOKED_REQUIRES(mutex_);
  // Removes what has not reported for a day, and if that is not enough the gateway that has been gone
  // longest. False: none is gone.
  bool make_room(Time now) REVOKED_REQUIRES(mutex_);
  void on_gateways_changed() REVOKED_REQUIRES(mutex_);
  void on_applied(engine::Position before, const Entry& entry) REVOKED_REQUIRES(mutex_);
  void count_waiting(Waiting& waiting) const REVOKED_REQUIRES(mutex_);

  mutable engine::Mutex<engine::lone_level> mutex_;
  Entries entries_ REVOKED_GUARDED_BY(mutex_);
  std::vector<std::string> left_ REVOKED_GUARDED_BY(mutex_);  // instances that have left: a ring
  std::size_t next_left_ REVOKED_GUARDED_BY(mutex_) = 0;
  std::multimap<engine::Sequence, Waiting*> waits_ REVOKED_GUARDED_BY(mutex_);
};

class GatewayRegistry::Wait {
 public:
  Wait(GatewayRegistry& registry, engine::Position position, std::function<void()> on_change);
  ~Wait();
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

 private:
  GatewayRegistry& registry_;
  std::unique_ptr<Waiting> waiting_;
};

}  // namespace revoked::cache
