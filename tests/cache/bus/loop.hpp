#pragma once
// An io_context that runs on a thread of its own.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>
#include <optional>
#include <thread>

#include "cache/wire/asio.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::test {

class Loop {
 public:
  Loop() { start(); }
  ~Loop() {
    work_.reset();
    io.stop();
    thread_.join();
  }
  // Returns when `what` has run there.
  void run(const std::function<void()>& what) {
    std::promise<void> done;
    boost::asio::post(io, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }
  // Whether nothing is left to run or to wait for.
  bool becomes_idle() {
    work_.reset();
    if (!eventually([&] { return io.stopped(); })) return false;
    thread_.join();
    io.restart();
    start();
    return true;
  }

  boost::asio::io_context io{1};

 private:
  void start() {
    work_.emplace(io.get_executor());
    thread_ = std::thread([this] { io.run(); });
  }

  std::optional<boost::asio::executor_work_guard<cache::Executor>> work_;
  std::thread thread_;
};

}  // namespace revoked::test
