#pragma once
// Responses to requests with an Idempotency-Key, so that a repeated request gets the same response and has no
// second effect. In memory only: after a restart, or once forgotten, a key is new. (Engines that share a
// journal keep them there as well: changes.cpp.) Thread-safe.
//
// The table holds no secrets: names are digests and responses are encrypted (reply_key.hpp). Responses count
// against the tenant of the request. A tenant over its share loses its own oldest ones; at the total limit,
// the tenant with the most bytes does. So no tenant loses its responses to the requests of others.

#include <chrono>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/base/digest.hpp"
#include "engine/base/mutex.hpp"
#include "engine/model/position.hpp"

namespace revoked::net {

inline constexpr std::size_t max_idempotency_key_size = 255;

class ReplyTable {
 public:
  struct Limits {
    std::size_t bytes = 64 << 20;  // of all responses, with the overhead
    std::size_t share = 8 << 20;   // of one tenant
    std::chrono::hours age{24};
  };
  static constexpr std::size_t overhead = 512;  // of one response
  using Clock = std::chrono::steady_clock;

  explicit ReplyTable(Limits limits) : limits_(limits) {}
  ReplyTable() : ReplyTable(Limits{}) {}

  struct Reply {
    std::string sealed;
    engine::Sequence durable_after = 0;  // do not send it before this is synced
  };
  enum class Claim {
    first,             // the caller must run the request, then call complete() or abandon() once
    again,             // the response is in `reply`
    in_progress,       // the first one is not answered yet
    other_credential,  // the same caller, by another credential: the response cannot be decrypted
    other_request,     // the key was used for another request
  };
  struct Asked {
    engine::Digest name;        // of the caller, the route and the key
    engine::Digest tenant;      // whose share it counts against
    engine::Digest credential;  // ReplyKey::mark()
    engine::Digest request;     // digest of the whole request
  };
  Claim claim(const Asked& asked, Clock::time_point now, Reply& reply);
  void complete(const engine::Digest& name, Clock::time_point now, Reply reply);
  void abandon(const engine::Digest& name);

 private:
  struct Hash {
    std::size_t operator()(const engine::Digest& digest) const;  // digests are already uniform
  };
  struct Entry;
  using Item = std::pair<const engine::Digest, Entry>;
  struct Tenant {
    std::size_t bytes = 0;
    std::list<Item*> by_age;
  };
  using Tenants = std::map<engine::Digest, Tenant>;
  struct Entry {
    Asked asked;
    bool is_complete = false;
    Reply reply;
    Clock::time_point since{};  // of completion, which also sets the two below
    std::list<Item*>::iterator in_age, in_tenant;
  };
  using Entries = std::unordered_map<engine::Digest, Entry, Hash>;
  static std::size_t size_of(const Entry& entry) { return overhead + entry.reply.sealed.size(); }
  void count(Tenants::iterator tenant, std::size_t added, std::size_t taken) REVOKED_REQUIRES(mutex_);
  void forget_old(Clock::time_point now) REVOKED_REQUIRES(mutex_);
  void forget(Item* complete) REVOKED_REQUIRES(mutex_);

  const Limits limits_;
  engine::Mutex<engine::lone_level> mutex_;
  Entries entries_ REVOKED_GUARDED_BY(mutex_);  // those in progress are bounded by the connections
  Tenants tenants_ REVOKED_GUARDED_BY(mutex_);  // with completed replies
  std::set<std::pair<std::size_t, engine::Digest>> by_bytes_ REVOKED_GUARDED_BY(mutex_);  // of tenants
  std::list<Item*> by_age_ REVOKED_GUARDED_BY(mutex_);
  std::size_t bytes_ REVOKED_GUARDED_BY(mutex_) = 0;
};

}  // namespace revoked::net
