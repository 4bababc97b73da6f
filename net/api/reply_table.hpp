#pragma once
// Answers to requests that carry an Idempotency-Key, so that repeating one has the same answer and no second
// effect. In memory alone: after a restart, or once forgotten, a key is new. Thread-safe.
//
// The table knows nobody's secrets: names are digests and answers are sealed (reply_key.hpp). Answers count
// against the tenant that asked. Who has more than its share loses its own oldest; where all together have
// too many, whoever has most does. So nobody's repetitions are lost to what others send.

#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/base/digest.hpp"
#include "engine/model/position.hpp"

namespace revoked::net {

inline constexpr std::size_t max_idempotency_key_size = 255;

class ReplyTable {
 public:
  struct Limits {
    std::size_t bytes = 64 << 20;  // of all answers, with what keeping them takes
    std::size_t share = 8 << 20;   // of one tenant's
    std::chrono::hours age{24};
  };
  static constexpr std::size_t overhead = 512;  // of one answer
  using Clock = std::chrono::steady_clock;

  explicit ReplyTable(Limits limits) : limits_(limits) {}
  ReplyTable() : ReplyTable(Limits{}) {}

  struct Reply {
    std::string sealed;
    engine::Sequence durable_after = 0;  // it must not leave before this is synced
  };
  enum class Claim {
    first,             // go on, and then complete() or abandon() it, once
    again,             // the answer is in `reply`
    in_progress,       // the first one is not answered yet
    other_credential,  // the same caller, by another credential: the answer cannot be read
    other_request,     // the key stands for another request
  };
  struct Asked {
    engine::Digest name;        // whose key on which route
    engine::Digest tenant;      // whose share it counts against
    engine::Digest credential;  // ReplyKey::mark()
    engine::Digest request;     // of all that was asked
  };
  Claim claim(const Asked& asked, Clock::time_point now, Reply& reply);
  void complete(const engine::Digest& name, Clock::time_point now, Reply reply);
  void abandon(const engine::Digest& name);

 private:
  struct Hash {
    std::size_t operator()(const engine::Digest& digest) const;  // its bits are as good as random
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
    Clock::time_point since{};  // when it was complete, as are these
    std::list<Item*>::iterator in_age, in_tenant;
  };
  using Entries = std::unordered_map<engine::Digest, Entry, Hash>;
  static std::size_t size_of(const Entry& entry) { return overhead + entry.reply.sealed.size(); }
  void count(Tenants::iterator tenant, std::size_t added, std::size_t taken);
  void forget_old(Clock::time_point now);
  void forget(Item* complete);

  const Limits limits_;
  std::mutex mutex_;
  Entries entries_;  // what is in progress is bounded by the connections
  Tenants tenants_;  // who have complete ones
  std::set<std::pair<std::size_t, engine::Digest>> by_bytes_;  // of tenants
  std::list<Item*> by_age_;
  std::size_t bytes_ = 0;
};

}  // namespace revoked::net
