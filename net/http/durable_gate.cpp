#include "net/http/durable_gate.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace revoked::net {

cache::Task<bool> DurableGate::wait(Sequence sequence) {
  if (durability_.durable() >= sequence) co_return true;
  if (closed_) co_return false;
  auto initiate = [this, sequence](Handler handler) {
    waiters_.push_back({sequence, std::move(handler)});
    armed_.store(true);
    // A commit may have completed between the check above and the arming.
    if ((durability_.durable() >= sequence || closed_) && armed_.exchange(false)) post_wake();
  };
  Token token;
  co_return co_await asio::async_initiate<Token, void(bool)>(initiate, token);
}

void DurableGate::close() {
  closed_ = true;
  post_wake();
}

void DurableGate::wake_if_armed() {
  if (armed_.exchange(false)) post_wake();
}

void DurableGate::post_wake() {
  asio::post(io_, [this] { wake(); });
}

void DurableGate::wake() {
  const auto durable = durability_.durable();
  const bool closed = closed_;
  looked_at_.swap(waiters_);
  for (auto& waiter : looked_at_) {
    (closed || waiter.sequence <= durable ? ready_ : waiters_).push_back(std::move(waiter));
  }
  looked_at_.clear();
  // Resuming runs sessions, which may call wait() again: `ready_` must not change under the loop.
  auto ready = std::exchange(ready_, {});
  for (auto& waiter : ready) {
    const bool reached = waiter.sequence <= durable;
    std::move(waiter.handler)(reached);
  }
  ready.clear();
  ready_.swap(ready);  // keeps the memory
  if (waiters_.empty()) return;
  armed_.store(true);
  if ((durability_.durable() > durable || closed_ != closed) && armed_.exchange(false)) post_wake();
}

}  // namespace revoked::net
