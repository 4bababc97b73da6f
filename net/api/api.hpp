#pragma once
// The HTTP API of the engine (docs/api.md, docs/dialects.md): what its handlers share.
//
// A handler is a function of (Api&, Call&). It runs on the connection's thread, changes memory at once, and
// says in its Outcome what its answer waits for. The native routes stand in one constant table in
// engine_service.cpp, those of each dialect in a file of its own (dialects/).

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cache/feed/feed.hpp"
#include "engine/engine.hpp"
#include "engine/model/policy.hpp"
#include "net/auth/authenticator.hpp"
#include "net/api/backup_slots.hpp"
#include "net/http/members.hpp"
#include "net/http/query.hpp"
#include "net/http/reading_pool.hpp"
#include "net/http/router.hpp"
#include "net/http/service.hpp"

namespace revoked::net {

// When somebody last revoked one by one: who changes many then keeps out of their way. Thread-safe.
class SinglePace {
 public:
  void note() { noted_.store(now(), std::memory_order_relaxed); }
  bool is_just_now() const { return now() < noted_.load(std::memory_order_relaxed) + just_now; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::rep just_now = Clock::duration(std::chrono::milliseconds(200)).count();
  static Clock::rep now() { return Clock::now().time_since_epoch().count(); }

  std::atomic<Clock::rep> noted_{-just_now};
};

// All of it outlives the server. Thread-safe.
struct Api {
  engine::Engine& engine;
  cache::Feed& feed;
  const Authenticator& authenticator;
  std::function<bool()> is_redis_connected;  // empty: no Redis
  const std::atomic<bool>& is_draining;
  // Little room is left on the disk: what only grows is refused. Empty: never.
  std::function<bool()> is_storage_full{};
  // See has_share_left(). 0: any number.
  std::uint64_t max_keys_per_workspace = 0;
  std::shared_ptr<ReadingPool> readings = std::make_shared<ReadingPool>();
  std::shared_ptr<SinglePace> pace = std::make_shared<SinglePace>();
  std::shared_ptr<BackupSlots> backup_slots = std::make_shared<BackupSlots>(max_backups);
};

struct Call;

struct Route {
  Method method;
  std::string_view pattern;
  Outcome (*handler)(Api&, Call&);
  std::optional<engine::Permission> permission;  // none: open to all
  std::span<const QueryParameter> query{};       // of the native API: what its query may have
  bool takes_body = false;                       // see Service::takes_body
};

// Why a request is refused, before a dialect says it in its own words. `code` is one of the native API's.
struct Refusal {
  unsigned status;
  std::string_view code;
  std::string_view detail;
  std::string_view member{};     // of the body that it is about, if it is about one
  std::string_view parameter{};  // the same of the query
};

// One HTTP API over the engine: the native one, or one that somebody else has published. All of it is
// constant.
struct Dialect {
  std::string_view name;
  std::span<const std::string_view> prefixes;  // whole segments; what lies below them belongs to this dialect
  std::span<const Route> routes;               // the first match counts
  std::string_view challenge;                  // WWW-Authenticate of its 401
  Presented (*present)(const Request&);        // where it looks for which credentials
  void (*refuse)(const Exchange&, const Refusal&);  // sends its own kind of error
};

struct Call {
  Exchange& exchange;
  const Parameters& parameters;
  const Query& query;
  const engine::Principal& principal;
  const Dialect& dialect;
  engine::Recalled& recalled;

  const Request& request() const { return exchange.request; }
  Response& response() const { return exchange.response; }
  engine::Caller caller() const {
    return {principal.actor,
            exchange.request.remote_address,
            exchange.request.id,
            &principal.reach,
            principal.actor_kind,
            &principal,
            &recalled};
  }
};

// Keys (key_handlers.cpp)
Outcome create_key(Api& api, Call& call);
Outcome show_key(Api& api, Call& call);
Outcome verify_key(Api& api, Call& call);
Outcome list_keys(Api& api, Call& call);  // list_handlers.cpp

// The life of a key (lifecycle_handlers.cpp)
Outcome suspend_key(Api& api, Call& call);
Outcome resume_key(Api& api, Call& call);
Outcome rotate_key(Api& api, Call& call);

Outcome edit_key(Api& api, Call& call);  // edit_handlers.cpp

// Revocations (revocation_handlers.cpp)
Outcome revoke_key(Api& api, Call& call);
Outcome revoke_secrets(Api& api, Call& call);
Outcome revoke_user(Api& api, Call& call);
Outcome revoke_application(Api& api, Call& call);
Outcome revoke_workspace(Api& api, Call& call);

// Locks of owners (lock_handlers.cpp)
Outcome lock_user(Api& api, Call& call);
Outcome lock_application(Api& api, Call& call);
Outcome lock_workspace(Api& api, Call& call);
Outcome unlock_user(Api& api, Call& call);
Outcome unlock_application(Api& api, Call& call);
Outcome unlock_workspace(Api& api, Call& call);

// Many at once, in a body that is read as it comes (bulk.hpp)
Outcome import_keys(Api& api, Call& call);
Outcome revoke_in_bulk(Api& api, Call& call);

// Audit (audit_handlers.cpp)
Outcome show_audit(Api& api, Call& call);

// Feed (feed_handlers.cpp)
Outcome show_invalidations(Api& api, Call& call);

// Backup (backup_handlers.cpp)
Outcome send_backup(Api& api, Call& call);

// Health (health_handlers.cpp)
Outcome show_liveness(Api& api, Call& call);
Outcome show_readiness(Api& api, Call& call);
Outcome show_health(Api& api, Call& call);

// Refuses, in the words of the call's dialect: sends the answer and has nothing to wait for. On
// errc::not_recalled nothing is sent: the handler is called again once the disk has been read. What it has
// done until then it has done.
Outcome refuse(Call& call, boost::system::error_code error);
Outcome refuse(Call& call, unsigned status, std::string_view code, std::string_view detail);
Outcome refuse(Call& call, const Fault& fault);  // 400

// One line in the log, with the request's id and what it is traced by, at a bounded rate (see LogLimit).
void log_refusal(const Dialect& dialect, const Request& request, const Refusal& refusal,
                 const engine::Principal& principal);

// Who asks, for the turns that callers of the reading pool take.
std::string asker_of(const engine::Principal& principal);
// Calls `read`, which reads the disk, on the reading pool and goes on on the connection's thread. False: too
// much waits for the disk already; a 503 has been sent.
Task<bool> read_aside(Api& api, Exchange exchange, std::string asker, const std::function<void()>& read);
// Answers the record of a key that is within `reach`, read so.
Task<> answer_record(Api& api, Exchange exchange, std::string asker, std::string key_id, engine::Reach reach);

inline bool is_storage_full(const Api& api) { return api.is_storage_full && api.is_storage_full(); }

// Whether the workspace of a new key may have another one, beside those it has that are not revoked. A key
// without a workspace counts for its application, or else its user. Those who ask at the same time may
// together go a little beyond.
bool has_share_left(const Api& api, const engine::NewKey& key);
inline constexpr std::string_view no_share_left = "the owner of this key has as many keys as it may have";

// ?limit=, which has been checked.
std::size_t limit_of(const Query& query, std::size_t otherwise);

// Adds the Revocation-Position header.
void set_position(Response& response, engine::Position position);

}  // namespace revoked::net
