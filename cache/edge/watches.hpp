#pragma once
// The watched keys, each with those who are told once it is denied. Follows the same events as the near
// cache, after it. An event concerns the keys that it names, or those of its owners, found by hash: no other
// key is looked at.
//
// What holds for each watched key: it was active at `as_of`, every later event is passed to follow(), and
// none that was passed by then has ended it (NearCache::have_ended). Where events may be missing for good
// (the near cache starts afresh), or only an answer can tell (a changed key, an unsigned event), the engine
// is asked again, few questions at a time; meanwhile nobody is told. A gateway that cannot decide ends what
// it cannot decide about: all when it is stale with policy `deny`; with `ask` the engine is asked about each
// key again and again, and when it does not answer, those end that it has not answered yet.
//
// On the gateway's thread only. Everything that it refers to must outlive it.

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/edge/gateway_questions.hpp"
#include "cache/edge/near_cache_hashes.hpp"
#include "cache/edge/watcher.hpp"
#include "engine/base/keyed_hash.hpp"

namespace revoked::cache {

// A secret that is watched. The hook is of those that are due.
struct WatchedKey : boost::intrusive::list_base_hook<> {
  // Where events find it.
  struct Place : boost::intrusive::list_base_hook<> {
    WatchedKey* key = nullptr;
  };
  using Watchers = boost::intrusive::list<Watcher, boost::intrusive::constant_time_size<true>>;
  enum class Standing { decided, due, asked };  // due: the engine must be asked again

  WatchedKey(const engine::Digest& digest_, std::string secret_, std::uint64_t number_, const IdHashes& ids_)
      : digest(digest_), secret(std::move(secret_)), number(number_), ids(ids_) {}

  const engine::Digest digest;
  const std::string secret;
  const std::uint64_t number;  // no other has it
  const IdHashes ids;
  Position as_of;
  UnixMs expires_at = CachedDecision::never;
  Standing standing = Standing::decided;
  Watchers watchers;
  std::array<Place, 4> places;  // of the key, then of its owners; an owner that it has not has no place
};

class Watches {
 public:
  using Start = Gateway::WatchStart;
  struct Request {
    Watcher* watcher;
    engine::Digest digest;
    std::string secret;
    std::function<void(Start)> done;
    Peer peer = 0;
  };

  Watches(asio::io_context& io, const WatchLimits& limits, WhenStale when_stale, GatewayQuestions& questions,
          const NearCache& cache, GatewayState& state);
  ~Watches();

  void open(Request request);
  // Also one that is not held.
  void close(Watcher& watcher);

  // After the near cache has executed them.
  void follow(const Follower::Actions& actions);
  void tick(Monotonic now);
  // Nobody is held or told any more.
  void stop();

  std::size_t size() const { return watchers_; }

 private:
  using Standing = WatchedKey::Standing;
  using Verdict = Gateway::Verdict;
  using Group = boost::intrusive::list<WatchedKey::Place, boost::intrusive::constant_time_size<false>>;
  using Opening = std::shared_ptr<Request>;

  // Those who are told on one executor, together: a thread that is woken for each would take several times as
  // long for many.
  struct Told {
    Executor executor;
    std::vector<std::pair<Watcher*, std::string_view>> watchers;  // and the reason
  };

  static constexpr std::size_t told_together = 256;
  static constexpr std::size_t max_questions = 64;  // without an answer
  static constexpr int max_attempts = 3;            // to open
  static constexpr std::chrono::milliseconds retry_after{100};
  static constexpr std::chrono::seconds round_period{1};  // of questions while stale with policy `ask`

  WatchedKey* find(const engine::Digest& digest);
  std::optional<Start> refusal(const engine::Digest& digest);
  bool is_decided(const WatchedKey& key, Monotonic now) const;
  void ask_to_open(const Opening& opening, int attempt);
  void on_opening(const Opening& opening, Verdict verdict, int attempt);
  void hold(WatchedKey& key, Watcher& watcher);

  WatchedKey& add(Request& request, const CachedDecision& decision, const IdHashes& ids);
  void remove(WatchedKey& key);
  void decide(WatchedKey& key, Position as_of, UnixMs expires_at);
  void end(WatchedKey& key, std::string_view reason);  // then tell_all()
  void tell(Watcher& watcher, std::string_view reason);
  static void send(Told& told);
  void tell_all();
  void end_all(std::string_view reason);
  void end_undecided(std::string_view reason);

  void apply(const Invalidation& event);
  void recheck(const Invalidation& event);
  void recheck(WatchedKey& key);
  void recheck_all();
  void start_afresh();
  template <class Visit>
  void for_each(std::uint64_t hash, Visit&& visit);
  template <class Visit>
  void for_each_of(const Invalidation& event, Visit&& visit);

  void ask_due();
  void on_answer(const engine::Digest& digest, std::uint64_t number, const Verdict& verdict);
  void decide_again(WatchedKey& key, const Verdict& verdict);
  void set_timer(Monotonic now);

  const WatchLimits limits_;
  const WhenStale when_stale_;
  GatewayQuestions& questions_;
  const NearCache& cache_;
  GatewayState& state_;

  std::unordered_map<engine::Digest, std::unique_ptr<WatchedKey>, engine::KeyedHash> keys_;
  std::unordered_map<std::uint64_t, Group> groups_;    // by the hash of a key or of an owner
  std::set<std::pair<UnixMs, WatchedKey*>> expiring_;  // those that expire
  boost::intrusive::list<WatchedKey, boost::intrusive::constant_time_size<false>> due_;
  std::vector<Told> told_;
  std::size_t watchers_ = 0;
  std::uint64_t next_number_ = 0;
  std::size_t questions_open_ = 0;
  bool is_asking_ = false;
  bool stopped_ = false;
  Monotonic paused_until_{};
  Monotonic next_round_{};
  Timer timer_;
  Monotonic timer_at_{};  // in the past: it does not run
};

}  // namespace revoked::cache
