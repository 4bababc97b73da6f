#pragma once
// The connections of one network thread together: how many they are and from where, how much memory they
// hold, and who has waited longest for its peer. When there is no more room, says who makes some: nobody who
// is being served, but those who keep us waiting, and of these first who has asked for nothing yet, and who
// comes from an address that has more than its share. All in constant time, however many they are.
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

class Crowd {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // What a connection waits for its peer to do.
  enum class Wait : std::uint8_t {
    nothing,        // it is being served
    first_request,  // to ask for something at all
    request,        // to ask for something more
    end,            // to close
    head,           // to send the rest of a head
    body,
    taking,  // to take the answers
  };

  // Where peers come from: an IPv4 address, or the network (/64) of an IPv6 address.
  using Origin = std::uint64_t;
  static Origin origin_of(const boost::asio::ip::address& address);

  class Member
      : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
   public:
    // Leaves the crowd.
    virtual void make_room() noexcept = 0;

   protected:
    ~Member() = default;

   private:
    friend class Crowd;
    static constexpr std::size_t nowhere = -1;
    std::size_t index_ = nowhere;                             // in members_
    std::pair<const Origin, std::size_t>* origin_ = nullptr;  // and how many come from there
    Wait wait_ = Wait::nothing;
    Time since_{};
    std::size_t held_bytes_ = 0;
  };

  explicit Crowd(const ServerLimits& limits) : limits_(limits) {}

  // A member leaves before it ends. Leaving twice is leaving once.
  void join(Member& member, Origin origin);
  void leave(Member& member) noexcept;
  std::size_t size() const { return members_.size(); }
  bool is_full() const { return members_.size() >= limits_.connections; }
  const std::vector<Member*>& members() const { return members_; }

  // What the member waits for from now on.
  void set_wait(Member& member, Wait wait, Time now);

  // How much memory the member's buffers hold. If that is too much for all of them together, others leave, or
  // the member itself.
  void hold(Member& member, std::size_t bytes) noexcept;
  std::size_t held_bytes() const { return held_bytes_; }

  // Makes room for one from there. False: nobody can be asked to leave for it.
  bool make_room(Origin newcomer, Time now) noexcept;

 private:
  using List = boost::intrusive::list<Member, boost::intrusive::constant_time_size<false>>;
  static constexpr std::size_t wait_count = static_cast<std::size_t>(Wait::taking) + 1;
  static constexpr std::size_t looked_at = 64;  // of those who have waited longest
  static constexpr std::size_t shares = 8;  // who has more than one of so many parts of the room has too much

  // The first of those who have waited longest that is of one kind.
  template <class IsBest>
  Member* find(Wait wait, Time since, IsBest is_best, bool or_any) noexcept;
  void relieve(Member& member) noexcept;

  const ServerLimits& limits_;
  std::vector<Member*> members_;
  std::unordered_map<Origin, std::size_t> origins_;
  std::array<List, wait_count> waiting_;  // by what for; longest first. Some may be served meanwhile
  std::size_t held_bytes_ = 0;
};

}  // namespace revoked::net
