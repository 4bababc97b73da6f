#pragma once
// A gateway's count of attempts with keys that are revoked, expired, suspended or locked. Whoever has such
// secrets decides what is counted, so it is bounded: the key that has been there longest is dropped first,
// and its attempts are counted as dropped. Any thread; nothing is allocated for a key that is there.

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <list>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/keyed_hash.hpp"
#include "engine/base/mutex.hpp"
#include "engine/model/decision.hpp"
#include "engine/model/usage.hpp"

namespace revoked::cache {

class DeniedAttempts {
 public:
  static constexpr std::size_t max_keys = 4096;

  // `client`: unspecified if it is not known.
  void add(std::string_view key_id, engine::KeyState state, engine::UnixMs at,
           const boost::asio::ip::address& client);
  // Those that have been there longest, of about this many bytes as JSON, and how many attempts were dropped
  // since the last call.
  struct Taken {
    std::vector<engine::DeniedUse> uses;
    std::uint64_t dropped = 0;
  };
  Taken take(std::size_t bytes);

  struct Counts {
    engine::CountsByKeyState by_state;
    std::uint64_t dropped;

    std::uint64_t all() const { return std::accumulate(by_state.begin(), by_state.end(), std::uint64_t{0}); }
  };
  Counts counts() const;

 private:
  struct Key {
    std::string key_id;
    engine::Attempts attempts;
    boost::asio::ip::address client;  // of the last attempt
  };
  using Keys = std::list<Key>;  // the latest first
  struct Hash {
    std::size_t operator()(std::string_view key_id) const { return engine::keyed_hash(key_id, 5); }
  };

  void drop_oldest() REVOKED_REQUIRES(mutex_);

  mutable engine::Mutex<engine::lone_level> mutex_;
  Keys keys_ REVOKED_GUARDED_BY(mutex_);
  std::unordered_map<std::string_view, Keys::iterator, Hash> by_id_ REVOKED_GUARDED_BY(mutex_);
  std::uint64_t dropped_ REVOKED_GUARDED_BY(mutex_) = 0;  // since the last take()
  Counts counts_ REVOKED_GUARDED_BY(mutex_){};
};

}  // namespace revoked::cache
