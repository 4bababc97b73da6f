#pragma once
// The native HTTP API of the engine (docs/api.md): what its handlers share.
//
// A handler is a function of (Api&, Call&). It runs on the connection's thread, changes memory at once, and says in
// its Outcome what its answer waits for. The routes stand in one constant table in engine_service.cpp.

#include <functional>
#include <string>
#include <string_view>

#include "cache/feed.hpp"
#include "engine/engine.hpp"
#include "engine/policy.hpp"
#include "net/authenticator.hpp"
#include "net/router.hpp"
#include "net/service.hpp"

namespace revoked::net {

// All of it outlives the server. Thread-safe.
struct Api {
  engine::Engine& engine;
  cache::Feed& feed;
  const Authenticator& authenticator;
  std::function<bool()> is_redis_connected;  // empty: no Redis
  const std::atomic<bool>& is_draining;
};

struct Call {
  Exchange& exchange;
  const Parameters& parameters;
  const engine::Principal& principal;

  const Request& request() const { return exchange.request; }
  Response& response() const { return exchange.response; }
  engine::Caller caller() const { 
    return {principal.actor, exchange.request.remote_address, exchange.request.id, &principal.reach};
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

// Revocations (revocation_handlers.cpp)
Outcome revoke_key(Api& api, Call& call);
Outcome revoke_secrets(Api& api, Call& call);
Outcome revoke_user(Api& api, Call& call);
Outcome revoke_application(Api& api, Call& call);
Outcome revoke_workspace(Api& api, Call& call);

// Many at once, in a body that is read as it comes (bulk_handlers.cpp)
Outcome import_keys(Api& api, Call& call);
Outcome revoke_in_bulk(Api& api, Call& call);

// Audit (audit_handlers.cpp)
Outcome show_audit(Api& api, Call& call);

// Feed (feed_handlers.cpp)
Outcome show_invalidations(Api& api, Call& call);

// Health (health_handlers.cpp)
Outcome show_liveness(Api& api, Call& call);
Outcome show_readiness(Api& api, Call& call);
Outcome show_health(Api& api, Call& call);

// Refuses: sends the problem and has nothing to wait for.
Outcome refuse(Call& call, boost::system::error_code error);
Outcome refuse(Call& call, unsigned status, std::string_view code, std::string_view detail);

// Reads ?limit= over what `limit` is. False: it is not 1 to `most`.
bool read_limit(const Request& request, std::size_t most, std::size_t& limit);

// Adds the Revocation-Position header.
void set_position(Response& response, engine::Position position);

}  // namespace revoked::net
