#include "net/http/reading_pool.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "engine/base/this_thread.hpp"

namespace revoked::net {

namespace asio = boost::asio;

ReadingPool::ReadingPool(std::size_t threads, const Limits& limits) : limits_(limits) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ReadingPool::~ReadingPool() {
  {
    const engine::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

// At least two, so that a read that waits for the disk does not block those served from memory.
std::size_t ReadingPool::usual_threads() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 8);
}

cache::Task<bool> ReadingPool::run(cache::Executor executor, std::string caller,
                                   const std::function<void()>& read) {
  Reading reading{read, executor, {}, {}};
  auto initiate = [this, &caller, &reading](Handler handler) {
    reading.handler.emplace(std::move(handler));
    if (!add(caller, reading)) resume(reading, false);
  };
  Token token;
  const bool was_read = co_await asio::async_initiate<Token, void(bool)>(initiate, token);
  if (reading.bug) std::rethrow_exception(reading.bug);
  co_return was_read;
}

std::size_t ReadingPool::waiting() const {
  const engine::MutexLock lock(mutex_);
  return waiting_;
}

bool ReadingPool::add(const std::string& caller, Reading& reading) {
  {
    const engine::MutexLock lock(mutex_);
    if (waiting_ >= limits_.waiting) return false;
    const auto [place, is_new] = callers_.try_emplace(caller);
    if (place->second.size() >= limits_.waiting_of_one) return false;
    place->second.push_back(&reading);
    if (is_new) turns_.push_back(place);
    ++waiting_;
  }
  changed_.notify_one();
  return true;
}

// The next reading of the caller whose turn it is. Null: the pool stops.
ReadingPool::Reading* ReadingPool::take() {
  engine::MutexLock lock(mutex_);
  changed_.wait(lock, [this]() REVOKED_REQUIRES(mutex_) { return stopping_ || !turns_.empty(); });
  if (turns_.empty()) return nullptr;
  const auto place = turns_.front();
  turns_.pop_front();
  auto* const reading = place->second.front();
  place->second.pop_front();
  --waiting_;
  if (place->second.empty())
    callers_.erase(place);
  else
    turns_.push_back(place);
  return reading;
}

// The reading may be destroyed when this returns.
void ReadingPool::resume(Reading& reading, bool was_read) {
  auto handler = std::move(*reading.handler);
  asio::post(reading.executor,
             [handler = std::move(handler), was_read]() mutable { std::move(handler)(was_read); });
}

void ReadingPool::work() {
  engine::set_up_this_thread("reading", engine::Urgency::gathering);
  while (auto* const reading = take()) {
    try {
      reading->read();
    } catch (...) {
      reading->bug = std::current_exception();
    }
    resume(*reading, true);
  }
}

}  // namespace revoked::net
