#pragma once
// "Something is new", told from any thread to the coroutines of one network thread. However often it is told
// before they run, they wake once.

#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <vector>

#include "cache/asio.hpp"

namespace revoked::net {

class Signal {
 public:
  explicit Signal(cache::asio::io_context& io) : io_(io) {}

  // From any thread.
  void notify() {
    if (!told_.exchange(true)) cache::asio::post(io_, [this] { wake(); });
  }

  // On the network thread: until the next notify, or for `timeout`. May wake for nothing.
  cache::Task<> wait(std::chrono::milliseconds timeout) {
    cache::Timer timer(io_.get_executor(), timeout);
    waiting_.push_back(&timer);
    co_await timer.async_wait(cache::as_result);
    std::erase(waiting_, &timer);
  }

 private:
  void wake() {
    told_.store(false);
    for (auto* timer : waiting_) timer->cancel();
  }

  cache::asio::io_context& io_;
  std::vector<cache::Timer*> waiting_;  // network thread only
  std::atomic<bool> told_{false};
};

}  // namespace revoked::net
