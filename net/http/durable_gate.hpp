#pragma once
// Where the connections of one network thread wait for the disk. A commit wakes the thread once, however many
// wait, and only if someone does.

#include <atomic>
#include <vector>

#include "cache/wire/asio.hpp"
#include "engine/engine.hpp"

namespace revoked::net {

namespace asio = boost::asio;

class DurableGate final : public engine::CommitListener {
 public:
  // Before the engine starts; stays until it has stopped.
  DurableGate(asio::io_context& io, engine::Engine& engine) : io_(io), engine_(engine) { engine.add(*this); }

  // On the network thread. True once everything up to `sequence` is synced; false if it never will be.
  cache::Task<bool> wait(engine::Sequence sequence);

  // From any thread: the storage has failed or the engine has stopped. Whoever waits for more gets false.
  void close();

  void on_durable(engine::Sequence durable) override;  // on the journal's thread

 private:
  using Token = asio::use_awaitable_t<cache::Executor>;
  using Handler = asio::async_result<Token, void(bool)>::handler_type;
  struct Waiter {
    engine::Sequence sequence;
    Handler handler;
  };

  void post_wake();
  void wake();

  asio::io_context& io_;
  engine::Engine& engine_;
  std::vector<Waiter> waiters_;    // network thread only
  std::vector<Waiter> looked_at_;  // these two are empty but for wake(); members to keep their memory
  std::vector<Waiter> ready_;
  std::atomic<bool> armed_{false};
  std::atomic<bool> closed_{false};
};

}  // namespace revoked::net
