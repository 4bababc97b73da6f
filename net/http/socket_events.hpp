#pragma once
// Notifies the connections of one network thread of what their sockets are ready for. It has its own epoll
// instance, which Asio watches as one descriptor: a busy thread wakes once for many sockets, and reads only
// where data is available (Asio would first try each socket in vain). Sockets are registered once,
// edge-triggered (epoll(7)): a listener must remember its events.
//
// On the network thread only.

#include <array>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>

#include "cache/wire/asio.hpp"

namespace revoked::net {

// What a listener remembers of its socket.
struct SocketState {
  bool readable = false;        // until a read has emptied it
  bool peer_has_ended = false;  // or the connection is broken: reported once, and readable from then on
};

class SocketEvents {
 public:
  class Listener {
   public:
    // `events` as of epoll_ctl(2). May close its socket and destroy the listener, but no other one.
    virtual void on_events(std::uint32_t events) noexcept = 0;

   protected:
    ~Listener() = default;
  };

  // Throws boost::system::system_error if there are no descriptors left.
  explicit SocketEvents(cache::asio::io_context& io);

  // Watches the socket until it is closed. False: the system cannot watch another.
  bool add(int socket, Listener& listener);

  // Calls the listeners, until stop(). Throws boost::system::system_error if it cannot continue.
  cache::Task<> run();
  void stop();

 private:
  static constexpr int max_failures = 20;         // in a row
  static constexpr std::size_t max_events = 256;  // in a row, before other work on the thread runs

  cache::asio::posix::basic_stream_descriptor<cache::Executor> epoll_;
};

}  // namespace revoked::net
