#pragma once
// What the handlers of the engine's HTTP API share (docs/api.md, docs/dialects.md).
//
// A handler is a function of (Api&, Call&). It runs on the connection's thread, changes memory at once, and
// returns in its Outcome what its response waits for. The native routes are in one constant table in
// native.cpp, those of each dialect in its own file (dialects/).

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cache/feed/feed.hpp"
#include "cache/feed/gateway_registry.hpp"
#include "engine/base/metrics.hpp"
#include "engine/cluster/standing.hpp"
#include "engine/engine.hpp"
#include "engine/model/policy.hpp"
#include "net/api/backup_slots.hpp"
#include "net/auth/authenticator.hpp"
#include "net/http/members.hpp"
#include "net/http/query.hpp"
#include "net/http/reading_pool.hpp"
#include "net/http/router.hpp"
#include "net/http/service.hpp"

namespace revoked::cache {
class Webhooks;
}
namespace revoked::net::openapi {
class Document;
}

namespace revoked::net {

class Forwarder;

// When a key was last revoked singly: bulk work slows down for 200 ms after it. Thread-safe.
class SingleRevocations {
 public:
  void note() { noted_.store(now(), std::memory_order_relaxed); }
  bool is_recent() const { return now() < noted_.load(std::memory_order_relaxed) + recent; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::rep recent = Clock::duration(std::chrono::milliseconds(200)).count();
  static Clock::rep now() { return Clock::now().time_since_epoch().count(); }

  std::atomic<Clock::rep> noted_{-recent};
};

// Who may read /metrics: anyone, who has the permission gateways:read, or nobody.
enum class MetricsAccess { open, authenticated, off };

// Every part outlives the server. Thread-safe.
struct Api {
  engine::Engine& engine;
  cache::Feed& feed;
  const Authenticator& authenticator;
  std::function<bool()> is_redis_connected;  // empty: no Redis
  const std::atomic<bool>& is_draining;
  // The disk is almost full: calls that only add data are refused. Empty: never.
  std::function<bool()> is_storage_full{};
  // See has_share_left(). 0: no limit.
  std::uint64_t max_keys_per_workspace = 0;
  std::shared_ptr<ReadingPool> readings = std::make_shared<ReadingPool>();
  std::shared_ptr<SingleRevocations> single_revocations = std::make_shared<SingleRevocations>();
  std::shared_ptr<BackupSlots> backup_slots = std::make_shared<BackupSlots>(max_backups);
  std::shared_ptr<cache::GatewayRegistry> gateways = std::make_shared<cache::GatewayRegistry>();
  MetricsAccess metrics_access = MetricsAccess::open;
  std::shared_ptr<engine::Metrics> metrics = std::make_shared<engine::Metrics>();
  cache::Webhooks* webhooks = nullptr;  // null: none is configured
  std::string advertised_url{};         // where others reach this engine; empty: as the caller does
  std::shared_ptr<const openapi::Document> document{};  // null: no /openapi.json
  // Of an engine that shares its journal with others; null: it is alone.
  const engine::Standing* standing = nullptr;
  std::shared_ptr<const Forwarder> forwarder{};
};

struct Call;

struct Route {
  Method method;
  std::string_view pattern;
  Outcome (*handler)(Api&, Call&);
  std::optional<engine::Permission> permission;  // nullopt: open to all
  std::span<const QueryParameter> query{};       // of the native API: the parameters it takes
  bool takes_body = false;                       // see Service::takes_body
};

// Why a request is refused, before a dialect formats it. `code` is one of the native API's.
struct Refusal {
  unsigned status;
  std::string_view code;
  std::string_view detail;
  std::string_view member{};     // of the body that it is about, if any
  std::string_view parameter{};  // the same of the query
};

// One HTTP API over the engine: the native one, or one published by another product. Constant.
struct Dialect {
  std::string_view name;
  std::span<const std::string_view> prefixes;       // whole segments; paths below them belong to this dialect
  std::span<const Route> routes;                    // the first match counts
  std::string_view challenge;                       // WWW-Authenticate of its 401
  Presented (*present)(const Request&);             // which credentials it takes, and from where
  void (*refuse)(const Exchange&, const Refusal&);  // sends an error in its own format
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

// State changes of a key (lifecycle_handlers.cpp)
Outcome suspend_key(Api& api, Call& call);
Outcome resume_key(Api& api, Call& call);
Outcome rotate_key(Api& api, Call& call);

Outcome edit_key(Api& api, Call& call);  // edit_handlers.cpp

// Revocations (revocation_handlers.cpp)
Outcome revoke_key(Api& api, Call& call);
Outcome revoke_user(Api& api, Call& call);
Outcome revoke_application(Api& api, Call& call);
Outcome revoke_workspace(Api& api, Call& call);

Outcome revoke_secrets(Api& api, Call& call);  // secret_handlers.cpp

// Locks of owners (lock_handlers.cpp)
Outcome lock_user(Api& api, Call& call);
Outcome lock_application(Api& api, Call& call);
Outcome lock_workspace(Api& api, Call& call);
Outcome unlock_user(Api& api, Call& call);
Outcome unlock_application(Api& api, Call& call);
Outcome unlock_workspace(Api& api, Call& call);

// Many at once, in a body that is read as it arrives (bulk.hpp)
Outcome import_keys(Api& api, Call& call);
Outcome revoke_in_bulk(Api& api, Call& call);

// Audit (audit_handlers.cpp)
Outcome show_audit(Api& api, Call& call);

// Gateways (gateway_handlers.cpp)
Outcome show_gateways(Api& api, Call& call);
Outcome forget_gateway(Api& api, Call& call);
Outcome report_of_gateway(Api& api, Call& call);
Outcome show_receipt(Api& api, Call& call);  // receipt_handlers.cpp
Outcome take_report(Api& api, Call& call);   // the position, or the usage (usage_handlers.cpp)

// Feed (feed_handlers.cpp)
Outcome show_invalidations(Api& api, Call& call);

// Webhooks (webhook_handlers.cpp)
Outcome test_webhooks(Api& api, Call& call);

// Backup (backup_handlers.cpp)
Outcome send_backup(Api& api, Call& call);
Outcome send_checkpoint(Api& api, Call& call);

// Health (health_handlers.cpp)
Outcome show_liveness(Api& api, Call& call);
Outcome show_readiness(Api& api, Call& call);
Outcome show_health(Api& api, Call& call);
Outcome show_engines(Api& api, Call& call);

// Metrics (metrics_handlers.cpp)
Outcome show_metrics(Api& api, Call& call);

Outcome show_console(Api& api, Call& call);  // console_handlers.cpp

// What this API is, for programs (document_handlers.cpp)
Outcome show_document(Api& api, Call& call);

// Sends a refusal in the format of the call's dialect; the Outcome has nothing to wait for. On
// errc::not_recalled nothing is sent: the handler is called again once the disk has been read. Its earlier
// changes stay.
Outcome refuse(Call& call, boost::system::error_code error);
Outcome refuse(Call& call, unsigned status, std::string_view code, std::string_view detail);
Outcome refuse(Call& call, const Fault& fault);  // 400
// The same before there is a call. Published dialects log every refusal, the native API only those for lack
// of authority.
Outcome refuse(const Dialect& dialect, const Exchange& exchange, const Refusal& refusal,
               const engine::Principal& principal);

// One log line, with the request's id and trace, at a bounded rate (see LogLimit).
void log_refusal(const Dialect& dialect, const Request& request, const Refusal& refusal,
                 const engine::Principal& principal);

// Begins the log line of a request that has changed something, or found it `already` so. It is written once
// the change is durable, with the status; what is known only later, a `rest` adds to
// Connection::answer_log().
struct ChangedOwner {
  engine::Scope scope;
  std::string_view id;
};
// Several keys: without `key_id`.
void log_change(const Call& call, std::string_view verb, std::string_view key_id, engine::Position position,
                bool already = false);
void log_change(const Call& call, std::string_view verb, const ChangedOwner& owner,
                engine::Position position);
// The members that name the request and its caller.
void log_caller(AnswerLog& line, const Request& request, const engine::Principal& principal);

// Closes the connection instead of a response: no response means "unknown" (P9).
void drop_connection(const Exchange& exchange);
// Waits inside a handler until `sequence` is synced. False: it never will be; the connection is closed.
Task<bool> wait_until_durable(Exchange exchange, engine::Sequence sequence);

// Identifies the caller in the reading pool, where callers take turns.
std::string asker_of(const engine::Principal& principal);
// Calls `read`, which reads the disk, on the reading pool and resumes on the connection's thread. False: the
// queue is full; a 503 has been sent. By reference: the caller owns `read` and awaits this.
Task<bool> read_on_pool(Api& api, Exchange exchange, std::string asker, const std::function<void()>& read);
// When to try again, for a response that has begun.
inline constexpr std::chrono::milliseconds full_pool_retry{50};
// Reads the record of a key within `reach` on the reading pool, and answers it.
Task<> answer_record(Api& api, Exchange exchange, std::string asker, std::string key_id, engine::Reach reach);

inline bool is_storage_full(const Api& api) { return api.is_storage_full && api.is_storage_full(); }

// Whether the workspace of a new key may have one more besides its keys that are not revoked. A key without a
// workspace counts for its application, or else its user. Concurrent calls may together exceed the limit
// slightly.
bool has_share_left(const Api& api, const engine::NewKey& key);
inline constexpr std::string_view no_share_left = "the owner of this key has the maximum number of keys";

// ?limit=, already validated.
std::size_t limit_of(const Query& query, std::size_t otherwise);

// Adds the Revocation-Position header.
void set_position(Response& response, engine::Position position);

}  // namespace revoked::net
