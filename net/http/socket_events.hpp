#pragma once
// Tells the connections of one network thread what their sockets are ready for. It has an epoll instance of
// its own, which Asio watches as one descriptor: a thread with much to do wakes once for many sockets, and
// reads only where something is to be read (Asio would try each socket in vain first). Sockets are registered
// once, edge-triggered (epoll(7)): a listener remembers what it has been told.
//
// On the network thread only.

#include <array>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>

#include "cache/wire/asio.hpp"

namespace revoked::net {

class SocketEvents {
 public:
  class Listener {
   public:
    // `events` as of epoll_ctl(2). May close its socket and end the listener, but no other one.
    virtual void on_events(std::uint32_t events) noexcept = 0;

   protected:
    ~Listener() = default;
  };

  // Throws boost::system::system_error if there are no descriptors left.
  explicit SocketEvents(cache::asio::io_context& io);

  // Until the socket is closed. False: the system has no room for another.
  bool add(int socket, Listener& listener);

  // Tells the listeners, until stop(). Throws boost::system::system_error if it cannot go on.
  cache::Task<> run();
  void stop();

 private:
  static constexpr int max_failures = 20;         // in a row
  static constexpr std::size_t max_events = 256;  // in a row, before others on the thread have their turn

  cache::asio::posix::basic_stream_descriptor<cache::Executor> epoll_;
};

}  // namespace revoked::net
