#pragma once
// What is watched, each as one end of a pair of sockets. The other end is the caller's: it can be read once
// the key is denied, and when the caller closes it, the watch ends. They live on a thread of their own.

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "cache/edge/gateway.hpp"

namespace revoked::library {

namespace asio = boost::asio;

class WatchSockets {
 public:
  using Start = cache::Gateway::WatchStart;

  // Starts the thread. The gateway must outlive stop(), and be gone when this is destroyed. `on_failure`: the
  // thread has thrown, and everything has ended.
  WatchSockets(cache::Gateway& gateway, std::function<void()> on_failure);
  ~WatchSockets();  // the callers' ends end

  // From any thread. The caller's end, which it must close whatever `done` is told. `done` runs on the thread
  // unless this is stopped before. Throws std::system_error if there is no descriptor left.
  int open(const engine::Digest& digest, std::string_view secret, std::string_view client,
           std::function<void(const Start&)> done);

  // From any thread: everything that is watched ends without a reason.
  void end_all();

  // Ends the thread. What is watched stays until the gateway is gone.
  void stop();

 private:
  class Held;
  using Number = std::uint64_t;

  void run(const std::function<void()>& on_failure) noexcept;
  void close_all() noexcept;
  void start(Number number, const Start& started);
  void wait_for_end(Number number);
  void drop(Number number);

  cache::Gateway& gateway_;
  asio::io_context io_{1};
  asio::executor_work_guard<cache::Executor> work_{io_.get_executor()};
  std::unordered_map<Number, std::unique_ptr<Held>> held_;  // the thread's
  std::atomic<Number> numbers_{0};
  std::thread thread_;
};

}  // namespace revoked::library
