#include "engine/base/mutex.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace revoked::engine::mutex_test {
namespace {

TEST(Mutex, ExcludesOtherThreads) {
  Mutex<1> mutex;
  int sum = 0;
  const auto add = [&] {
    for (int i = 0; i < 10'000; ++i) {
      const MutexLock lock(mutex);
      ++sum;
    }
  };
  std::thread other(add);
  add();
  other.join();
  EXPECT_EQ(sum, 20'000);
}

TEST(Mutex, IsFreeAfterEachFormOfRelease) {
  Mutex<1> mutex;
  {
    MutexLock lock(mutex);
    lock.unlock();
    lock.lock();
    lock.unlock();
  }
  ASSERT_TRUE(mutex.try_lock());
  { const MutexLock adopted(mutex, std::adopt_lock); }
  ASSERT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(Condition, WakesAWaiterWhosePredicateHolds) {
  Mutex<1> mutex;
  Condition changed;
  bool is_set = false;
  std::thread setter([&] {
    {
      const MutexLock lock(mutex);
      is_set = true;
    }
    changed.notify_one();
  });
  {
    MutexLock lock(mutex);
    changed.wait(lock, [&] { return is_set; });
  }
  setter.join();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(Condition, ReportsThatTheTimeIsOver) {
  Mutex<1> mutex;
  Condition changed;
  MutexLock lock(mutex);
  EXPECT_FALSE(changed.wait_for(lock, std::chrono::milliseconds(1), [] { return false; }));
  EXPECT_TRUE(changed.wait_for(lock, std::chrono::milliseconds(1), [] { return true; }));
}

TEST(LockOrder, AllowsAscendingLevelsAndAnyOrderOfRelease) {
  Mutex<1> first;
  Mutex<3> third;
  Mutex<4> fourth;
  MutexLock a(first);
  {
    const MutexLock b(third);
    const MutexLock c(fourth);
    a.unlock();
  }
  a.lock();
}

#ifdef REVOKED_CHECK_LOCK_LEVELS
TEST(LockOrderDeathTest, RefusesALowerAndAnEqualLevel) {
  Mutex<1> first;
  Mutex<2> second;
  Mutex<2> also_second;
  EXPECT_DEATH(
      {
        const MutexLock a(second);
        const MutexLock b(first);
      },
      "lock order");
  EXPECT_DEATH(
      {
        const MutexLock a(second);
        const MutexLock b(also_second);
      },
      "lock order");
}

TEST(LockOrderDeathTest, RefusesALoneMutexBesideAnother) {
  Mutex<4> fourth;
  Mutex<lone_level> lone;
  EXPECT_DEATH(
      {
        const MutexLock a(fourth);
        const MutexLock b(lone);
      },
      "lock order");
  EXPECT_DEATH(
      {
        const MutexLock a(lone);
        const MutexLock b(fourth);
      },
      "lock order");
}

TEST(LockOrderDeathTest, RefusesAMutexThatIsNotHeld) {
  Mutex<1> mutex;
  EXPECT_DEATH(mutex.assert_held(), "does not hold");
}
#endif

}  // namespace
}  // namespace revoked::engine::mutex_test
