#pragma once
// The connections of one network thread: how many there are and from where, how much memory they hold, and
// which has waited longest for its peer. At the limit, selects which to close: never one that is being
// served, but one that waits for its peer; first those that have sent no request yet, and those whose origin
// has more than its share. All operations take constant time.
//
// On the network thread only.

#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "net/http/server_limits.hpp"

namespace revoked::net {

class ConnectionTable {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // What a connection waits for its peer to do.
  enum class Wait : std::uint8_t {
    nothing,        // it is being served
    first_request,  // to send its first request
    request,        // to send another request
    end,            // to close
    head,           // to send the rest of a head
    body,
    taking,  // to read the responses
  };

  // Where a peer comes from: an IPv4 address, or the /64 network of an IPv6 address.
  using Origin = std::uint64_t;
  static Origin origin_of(const boost::asio::ip::address& address);

  class Entry
      : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
   public:
    // Closes the connection, which removes its entry.
    virtual void evict() noexcept = 0;

   protected:
    ~Entry() = default;

   private:
    friend class ConnectionTable;
    static constexpr std::size_t nowhere = -1;
    std::size_t index_ = nowhere;                             // in entries_
    std::pair<const Origin, std::size_t>* origin_ = nullptr;  // and the number of entries from there
    Wait wait_ = Wait::nothing;
    Time since_{};
    std::size_t held_bytes_ = 0;
  };

  explicit ConnectionTable(const ServerLimits& limits) : limits_(limits) {}

  // An entry must be removed before it is destroyed. Removing it twice is allowed.
  void add(Entry& entry, Origin origin);
  void remove(Entry& entry) noexcept;
  std::size_t size() const { return entries_.size(); }
  bool is_full() const { return entries_.size() >= limits_.connections; }
  const std::vector<Entry*>& entries() const { return entries_; }

  // Sets what the entry waits for.
  void set_wait(Entry& entry, Wait wait, Time now);

  // Sets how much memory the entry's buffers hold. If the total is over the limit, other entries or this one
  // are closed.
  void set_held(Entry& entry, std::size_t bytes) noexcept;
  std::size_t held_bytes() const { return held_bytes_; }

  // Closes one to admit one from `newcomer`. False: none can be closed for it.
  bool evict_for(Origin newcomer, Time now) noexcept;

 private:
  using List = boost::intrusive::list<Entry, boost::intrusive::constant_time_size<false>>;
  static constexpr std::size_t wait_count = static_cast<std::size_t>(Wait::taking) + 1;
  static constexpr std::size_t looked_at = 64;  // how many of the longest waiting are examined
  static constexpr std::size_t shares = 8;  // an origin with more than 1/8 of the connections has more than
                                            // its share

  // The first of the longest waiting for which `is_best` holds.
  template <class IsBest>
  Entry* find(Wait wait, Time since, IsBest is_best, bool or_any) noexcept;
  void evict_for_memory(Entry& entry) noexcept;

  const ServerLimits& limits_;
  std::vector<Entry*> entries_;
  std::unordered_map<Origin, std::size_t> origins_;
  std::array<List, wait_count> waiting_;  // by what for; longest first. Some may be served meanwhile
  std::size_t held_bytes_ = 0;
};

}  // namespace revoked::net
