#pragma once
// Mutexes whose use is checked. Clang's thread-safety analysis (tools/check) reports a member that is used
// without the mutex that guards it. Sanitized builds and the preset dev end the process when a thread takes a
// mutex of a level that is not above those it holds: the order in engine/README.md. In release this is
// std::mutex and nothing more.
// The attributes: https://clang.llvm.org/docs/ThreadSafetyAnalysis.html

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>

#ifdef __clang__
#define REVOKED_THREAD_ATTRIBUTE(attribute) __attribute__((attribute))
#else
#define REVOKED_THREAD_ATTRIBUTE(attribute)
#endif

// After a data member: only read and written with this mutex held.
#define REVOKED_GUARDED_BY(mutex) REVOKED_THREAD_ATTRIBUTE(guarded_by(mutex))
// After a function's or lambda's parameters: the caller holds this mutex.
#define REVOKED_REQUIRES(...) REVOKED_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define REVOKED_ACQUIRE(...) REVOKED_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define REVOKED_TRY_ACQUIRE(...) REVOKED_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define REVOKED_RELEASE(...) REVOKED_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define REVOKED_ASSERTS_HELD(...) REVOKED_THREAD_ATTRIBUTE(assert_capability(__VA_ARGS__))
#define REVOKED_CAPABILITY REVOKED_THREAD_ATTRIBUTE(capability("mutex"))
#define REVOKED_SCOPED_CAPABILITY REVOKED_THREAD_ATTRIBUTE(scoped_lockable)
#define REVOKED_NOT_ANALYSED REVOKED_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace revoked::engine {

// Never held together with any other.
inline constexpr unsigned lone_level = 31;

// The levels of the mutexes that this thread holds.
class HeldLevels {
 public:
  static void add([[maybe_unused]] unsigned level) {
#ifdef REVOKED_CHECK_LOCK_LEVELS
    if (held_ >= (1u << level) || (level == lone_level && held_ != 0)) fail("takes", level);
    held_ |= 1u << level;
#endif
  }
  static void remove([[maybe_unused]] unsigned level) {
#ifdef REVOKED_CHECK_LOCK_LEVELS
    held_ &= ~(1u << level);
#endif
  }
  static void check([[maybe_unused]] unsigned level) {
#ifdef REVOKED_CHECK_LOCK_LEVELS
    if ((held_ & (1u << level)) == 0) fail("does not hold", level);
#endif
  }

 private:
#ifdef REVOKED_CHECK_LOCK_LEVELS
  [[noreturn]] static void fail(const char* what, unsigned level) {
    std::fprintf(stderr, "lock order: a thread with locks of levels 0x%x %s one of level %u\n", held_, what,
                 level);
    std::abort();
  }
  static inline thread_local unsigned held_ = 0;  // a bit for each level
#endif
};

// A mutex of one level of the lock order.
template <unsigned level>
class REVOKED_CAPABILITY Mutex {
 public:
  void lock() REVOKED_ACQUIRE() {
    HeldLevels::add(level);
    mutex_.lock();
  }
  bool try_lock() REVOKED_TRY_ACQUIRE(true) {
    if (!mutex_.try_lock()) return false;
    HeldLevels::add(level);
    return true;
  }
  void unlock() REVOKED_RELEASE() {
    HeldLevels::remove(level);
    mutex_.unlock();
  }
  // For code that the analysis cannot follow. Checked where lock levels are.
  void assert_held() const REVOKED_ASSERTS_HELD(this) { HeldLevels::check(level); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

// Holds a mutex for a scope. `Lockable` has lock() and unlock().
template <class Lockable>
class REVOKED_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Lockable& mutex) REVOKED_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  // The caller has taken it.
  MutexLock(Lockable& mutex, std::adopt_lock_t) REVOKED_REQUIRES(mutex) : mutex_(mutex) {}
  ~MutexLock() REVOKED_RELEASE() {
    if (holds_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  // Releases the mutex before the end of the scope, and takes it again.
  void unlock() REVOKED_RELEASE() {
    holds_ = false;
    mutex_.unlock();
  }
  void lock() REVOKED_ACQUIRE() {
    mutex_.lock();
    holds_ = true;
  }

 private:
  friend class Condition;
  Lockable& mutex_;
  bool holds_ = true;
};

// A condition variable for Mutex. Predicates are lambdas with REVOKED_REQUIRES(mutex).
class Condition {
 public:
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

  template <unsigned level, class Predicate>
  void wait(MutexLock<Mutex<level>>& lock, Predicate holds) REVOKED_NOT_ANALYSED {
    Adopted adopted(lock.mutex_.mutex_);
    condition_.wait(adopted.lock, std::move(holds));
  }
  // False if the predicate is still false after `time`.
  template <unsigned level, class Predicate>
  bool wait_for(MutexLock<Mutex<level>>& lock, std::chrono::nanoseconds time,
                Predicate holds) REVOKED_NOT_ANALYSED {
    Adopted adopted(lock.mutex_.mutex_);
    return condition_.wait_for(adopted.lock, time, std::move(holds));
  }

 private:
  // What std::condition_variable needs; the mutex stays with the caller's MutexLock.
  struct Adopted {
    explicit Adopted(std::mutex& mutex) : lock(mutex, std::adopt_lock) {}
    ~Adopted() { lock.release(); }
    std::unique_lock<std::mutex> lock;
  };
  std::condition_variable condition_;
};

}  // namespace revoked::engine
