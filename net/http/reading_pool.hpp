#pragma once
// Threads on which handlers read the disk, so that no network thread waits for a read, or for writes queued
// before it. Waiting readings are bounded, in all and per caller; callers take turns, however much each
// requests.
//
// Outlives the servers whose connections use it.

#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cache/wire/asio.hpp"
#include "engine/base/mutex.hpp"

namespace revoked::net {

class ReadingPool {
 public:
  struct Limits {
    std::size_t waiting = 1024;        // readings that have not begun
    std::size_t waiting_of_one = 256;  // of one caller
  };

  ReadingPool() : ReadingPool(usual_threads()) {}
  explicit ReadingPool(std::size_t threads) : ReadingPool(threads, Limits{}) {}
  ReadingPool(std::size_t threads, const Limits& limits);
  ~ReadingPool();
  ReadingPool(const ReadingPool&) = delete;
  ReadingPool& operator=(const ReadingPool&) = delete;

  // On a network thread. Calls `read`, which must stay valid until then, on a thread of the pool, and resumes
  // on the network thread, `executor`, once it has returned. False: the queue is full, and it was not called.
  // Its exceptions are rethrown here.
  cache::Task<bool> run(cache::Executor executor, std::string caller, const std::function<void()>& read);

  // Readings that have not begun. From any thread.
  std::size_t waiting() const;

 private:
  using Token = cache::asio::use_awaitable_t<cache::Executor>;
  using Handler = cache::asio::async_result<Token, void(bool)>::handler_type;
  struct Reading {
    const std::function<void()>& read;
    cache::Executor executor;
    std::optional<Handler> handler;
    std::exception_ptr bug;
  };
  using Callers = std::map<std::string, std::deque<Reading*>, std::less<>>;

  static std::size_t usual_threads();
  bool add(const std::string& caller, Reading& reading);
  Reading* take();
  static void resume(Reading& reading, bool was_read);
  void work();

  const Limits limits_;
  mutable engine::Mutex<engine::lone_level> mutex_;
  engine::Condition changed_;
  Callers callers_ REVOKED_GUARDED_BY(mutex_);  // those with readings waiting
  std::deque<Callers::iterator> turns_ REVOKED_GUARDED_BY(mutex_);
  std::size_t waiting_ REVOKED_GUARDED_BY(mutex_) = 0;
  bool stopping_ REVOKED_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace revoked::net
