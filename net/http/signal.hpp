#pragma once
// Notifies the coroutines of one network thread, from any thread. However many notifications arrive before
// they run, they wake once.

#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdint>
#include <vector>

#include "cache/wire/asio.hpp"

namespace revoked::net {

class Signal {
 public:
  explicit Signal(cache::asio::io_context& io) : io_(io) {}

  // From any thread.
  void notify() {
    if (!pending_.exchange(true)) cache::asio::post(io_, [this] { wake(); });
  }

  // The rest: on the network thread. The number of wake-ups: read it before looking for new data.
  std::uint64_t count() const { return count_; }

  // Waits until a notification after `seen` was taken, or for `timeout`. May wake spuriously.
  cache::Task<> wait(std::chrono::milliseconds timeout, std::uint64_t seen) {
    if (count_ != seen) co_return;
    cache::Timer timer(io_.get_executor(), timeout);
    waiting_.push_back(&timer);
    co_await timer.async_wait(cache::as_result);
    std::erase(waiting_, &timer);
  }

 private:
  void wake() {
    pending_.store(false);
    ++count_;
    for (auto* timer : waiting_) timer->cancel();
  }

  cache::asio::io_context& io_;
  std::vector<cache::Timer*> waiting_;  // network thread only, as is count_
  std::uint64_t count_ = 0;
  std::atomic<bool> pending_{false};
};

}  // namespace revoked::net
