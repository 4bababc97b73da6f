#include "net/http/reading_pool.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <stdexcept>

#include "tests/support/eventually.hpp"

namespace revoked::net::reading_pool_test {

namespace asio = boost::asio;
using revoked::test::eventually;

// A network thread, and readings that wait until the test opens the gate.
class Readings : public testing::Test {
 protected:
  ~Readings() override {
    open();
    work_.reset();
    network_.join();
  }

  void ask(ReadingPool& pool, const std::string& caller, std::function<void()> then = {}) {
    ++asked_;
    asio::co_spawn(io_, read(pool, caller, std::move(then)), [this](std::exception_ptr bug) {
      if (bug) ++bugs_;
      ++ended_;
    });
  }
  bool wait_until_ended() {
    return eventually([this] { return ended_ == asked_; });
  }
  void open() {
    {
      const std::scoped_lock lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::vector<std::string> read_;  // by caller, in order
  std::set<std::thread::id> reading_threads_;
  std::atomic<bool> went_on_elsewhere_{false};
  std::atomic<int> asked_{0}, ended_{0}, refused_{0}, bugs_{0};

 private:
  void read_now(const std::string& caller) {
    std::unique_lock lock(mutex_);
    read_.push_back(caller);
    reading_threads_.insert(std::this_thread::get_id());
    changed_.wait(lock, [this] { return open_; });
  }
  cache::Task<> read(ReadingPool& pool, std::string caller, std::function<void()> then) {
    const std::function<void()> work = [&] {
      read_now(caller);
      if (then) then();
    };
    const bool was_read = co_await pool.run(io_.get_executor(), caller, work);
    if (std::this_thread::get_id() != network_.get_id()) went_on_elsewhere_ = true;
    if (!was_read) ++refused_;
  }

  std::condition_variable changed_;
  bool open_ = false;
  asio::io_context io_{1};
  std::optional<asio::executor_work_guard<cache::Executor>> work_{io_.get_executor()};
  std::thread network_{[this] { io_.run(); }};
};

TEST_F(Readings, AreDoneOnThreadsOfThePoolAndGoOnOnTheNetworkThread) {
  ReadingPool pool(2);
  open();
  for (int i = 0; i < 20; ++i) ask(pool, "a");
  ASSERT_TRUE(wait_until_ended());
  EXPECT_EQ(read_.size(), 20u);
  EXPECT_FALSE(went_on_elsewhere_);
  EXPECT_LE(reading_threads_.size(), 2u);
  EXPECT_EQ(refused_, 0);
}

TEST_F(Readings, TakeTurnsByCaller) {
  ReadingPool pool(1);
  ask(pool, "a");
  ASSERT_TRUE(eventually([&] {
    const std::scoped_lock lock(mutex_);
    return read_.size() == 1;
  }));
  for (const auto* caller : {"a", "a", "a", "b", "b", "c"}) ask(pool, caller);
  ASSERT_TRUE(eventually([&] { return pool.waiting() == 6; }));
  open();
  ASSERT_TRUE(wait_until_ended());
  EXPECT_EQ(read_, (std::vector<std::string>{"a", "a", "b", "c", "a", "b", "a"}));
}

TEST_F(Readings, ThatWaitAreBoundedInAllAndOfEachCaller) {
  ReadingPool pool(1, {.waiting = 5, .waiting_of_one = 3});
  ask(pool, "a");
  ASSERT_TRUE(eventually([&] {
    const std::scoped_lock lock(mutex_);
    return read_.size() == 1;
  }));
  for (int i = 0; i < 10; ++i) ask(pool, "a");
  ASSERT_TRUE(eventually([&] { return refused_ == 7; }));
  EXPECT_EQ(pool.waiting(), 3u);
  for (int i = 0; i < 3; ++i) ask(pool, "b");  // others are still accepted
  ASSERT_TRUE(eventually([&] { return refused_ == 8; }));
  EXPECT_EQ(pool.waiting(), 5u);
  open();
  ASSERT_TRUE(wait_until_ended());
  EXPECT_EQ(read_.size(), 6u);
}

TEST_F(Readings, PassOnWhatIsThrown) {
  ReadingPool pool(1);
  open();
  ask(pool, "a", [] { throw std::runtime_error("a bug"); });
  ask(pool, "a");
  ASSERT_TRUE(wait_until_ended());
  EXPECT_EQ(bugs_, 1);
  EXPECT_EQ(read_.size(), 2u);
}

}  // namespace revoked::net::reading_pool_test
