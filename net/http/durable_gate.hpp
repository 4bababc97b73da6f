#pragma once
// Where the connections of one network thread wait for the disk. A commit wakes the thread once, however many
// connections wait, and only if one does.

#include <atomic>
#include <vector>

#include "cache/wire/asio.hpp"
#include "net/http/durability.hpp"

namespace revoked::net {

namespace asio = boost::asio;

class DurableGate {
 public:
  using Sequence = Durability::Sequence;

  // `durability` keeps calling this gate: the gate must outlive whatever commits.
  DurableGate(asio::io_context& io, Durability& durability) : io_(io), durability_(durability) {
    durability.add([this] { wake_if_armed(); });
  }

  // On the network thread. True once everything up to `sequence` is synced; false if it never will be.
  cache::Task<bool> wait(Sequence sequence);

  // From any thread: the storage has failed or the engine has stopped. All waits for more return false.
  void close();

 private:
  using Token = asio::use_awaitable_t<cache::Executor>;
  using Handler = asio::async_result<Token, void(bool)>::handler_type;
  struct Waiter {
    Sequence sequence;
    Handler handler;
  };

  void wake_if_armed();
  void post_wake();
  void wake();

  asio::io_context& io_;
  Durability& durability_;
  std::vector<Waiter> waiters_;    // network thread only
  std::vector<Waiter> looked_at_;  // these two are used in wake() only; members to keep their memory
  std::vector<Waiter> ready_;
  std::atomic<bool> armed_{false};
  std::atomic<bool> closed_{false};
};

}  // namespace revoked::net
