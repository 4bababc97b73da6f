#pragma once
// Attempts with keys that were denied, by key and gateway, as gateways reported them: the totals of each key,
// and what the journal does not have yet. The journal gets at most one event an hour for each key and
// gateway. Bounded: the key whose last report is the oldest is dropped first. What is dropped, the journal
// has up to the last event, and `begin` continues from that.
//
// Any thread.

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/mutex.hpp"
#include "engine/model/decision.hpp"
#include "engine/model/usage.hpp"

namespace revoked::engine {

class DeniedUses {
 public:
  static constexpr std::size_t max_keys = 16'384;
  static constexpr std::size_t max_gateways_a_key = 16;  // named in its record, or with attempts of their own
  static constexpr UnixMs event_every = 3'600'000;

  // Of a key at one gateway.
  struct Part {
    std::string gateway;
    Attempts pending;        // since the event before
    std::string address;     // of the last
    UnixMs recorded_at = 0;  // when that event was made; 0: there is none
  };
  struct Key {
    std::string key_id;
    UnixMs recorded_at = 0;  // when the engine got the key
    Attempts all;            // pending ones included
    std::vector<std::string> gateways;
    std::vector<Part> parts;
  };
  // For an event of the journal.
  struct Due {
    std::string key_id;
    Part part;
    Attempts all;
    std::vector<std::string> gateways;
  };

  bool knows(std::string_view key_id) const;
  // The totals so far. No effect if it is known.
  void begin(Key key);
  // The key must have begun, or nothing is added. No attempt is before the engine got the key.
  void add(const DeniedUse& use, std::string_view gateway);
  std::optional<UsedAfterRevocation> of(std::string_view key_id) const;

  // What is due at `now`: of the key at the gateway; of all keys, `most` at once. They count as in the
  // journal, unless they are put back.
  std::optional<Due> take_due(std::string_view key_id, std::string_view gateway, UnixMs now);
  std::vector<Due> take_due(UnixMs now, std::size_t most);
  void put_back(const Due& due);

  // For the file: all keys, and those of a file.
  std::vector<Key> all() const;
  void restore(std::vector<Key> keys);
  bool take_changed();

  std::uint64_t dropped() const;  // attempts that were reported, and that no event will have

 private:
  using Keys = std::list<Key>;  // the last reported first

  Keys::iterator find(std::string_view key_id) const REVOKED_REQUIRES(mutex_);
  void drop_oldest() REVOKED_REQUIRES(mutex_);
  Part* part_of(Key& key, std::string_view gateway) REVOKED_REQUIRES(mutex_);
  static Due take(Key& key, Part& part, UnixMs now);

  mutable Mutex<lone_level> mutex_;
  mutable Keys keys_ REVOKED_GUARDED_BY(mutex_);
  // Not hashed: reporters choose the ids.
  std::map<std::string_view, Keys::iterator> by_id_ REVOKED_GUARDED_BY(mutex_);
  bool has_changed_ REVOKED_GUARDED_BY(mutex_) = false;
  std::uint64_t dropped_ REVOKED_GUARDED_BY(mutex_) = 0;
};

}  // namespace revoked::engine
