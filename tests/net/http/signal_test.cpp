#include "net/http/signal.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <thread>

namespace revoked::net::signal_test {

using namespace std::chrono_literals;

cache::Task<> wait_once(Signal& signal, std::chrono::milliseconds timeout, std::uint64_t seen, int& woken) {
  co_await signal.wait(timeout, seen);
  ++woken;
}

void rethrow(std::exception_ptr failure) {
  if (failure) std::rethrow_exception(failure);
}

TEST(Signal, WakesAllThatWait) {
  cache::asio::io_context io(1);
  Signal signal(io);
  int woken = 0;
  for (int i = 0; i < 3; ++i)
    cache::asio::co_spawn(io, wait_once(signal, 1h, signal.count(), woken), rethrow);
  io.poll();
  EXPECT_EQ(woken, 0);
  std::thread([&] { signal.notify(); }).join();
  io.run();
  EXPECT_EQ(woken, 3);
}

TEST(Signal, GivesUpWaiting) {
  cache::asio::io_context io(1);
  Signal signal(io);
  int woken = 0;
  cache::asio::co_spawn(io, wait_once(signal, 1ms, signal.count(), woken), rethrow);
  io.run();
  EXPECT_EQ(woken, 1);
}

// A stream looks for new data, is blocked by its socket, and only then waits: a notification in between must
// count.
TEST(Signal, RemembersWhatWasToldBeforeTheWait) {
  cache::asio::io_context io(1);
  Signal signal(io);
  int woken = 0;
  const auto seen = signal.count();
  signal.notify();
  io.run();
  io.restart();
  cache::asio::co_spawn(io, wait_once(signal, 1h, seen, woken), rethrow);
  io.poll();
  EXPECT_EQ(woken, 1);
}

TEST(Signal, WakesOnceHoweverOftenItIsTold) {
  cache::asio::io_context io(1);
  Signal signal(io);
  for (int i = 0; i < 100; ++i) signal.notify();
  EXPECT_EQ(io.run(), 1);
  EXPECT_EQ(signal.count(), 1);
}

}  // namespace revoked::net::signal_test
