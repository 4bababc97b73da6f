#pragma once
// A gateway that is open: what the functions of revoked_gateway.h do, in C++. Calls come from any thread;
// those that wait are counted, so that it can be closed while there are some.

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/edge/gateway.hpp"
#include "cache/library/watch_sockets.hpp"
#include "engine/base/mutex.hpp"

namespace revoked::library {

// What a client presented.
struct Presented {
  engine::Digest digest;
  std::string_view secret;
  std::string_view client;  // its address; empty: not known
};

class OpenGateway {
 public:
  using Verdict = cache::Gateway::Verdict;
  using Deadline = std::chrono::steady_clock::time_point;
  using Listener = cache::Gateway::EventListener;

  OpenGateway(cache::Gateway::Options options, Listener listener);
  // No call may be under way, or begin: after close().
  ~OpenGateway();

  // Returns when it is current, or at the deadline.
  void wait_until_current(Deadline deadline) const;

  // Empty: ask().
  std::optional<Verdict> check(const Presented& presented) const;
  // The gateway's own record of denied attempts.
  void note(const Verdict& verdict, const Presented& presented);

  // A call that waits. None begins once this closes.
  class Call {
   public:
    explicit Call(OpenGateway& gateway) : gateway_(gateway), has_begun_(gateway.begin()) {}
    ~Call() {
      if (has_begun_) gateway_.end();
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    explicit operator bool() const { return has_begun_; }

   private:
    OpenGateway& gateway_;
    const bool has_begun_;
  };

  // In a Call. Without an answer by the deadline: no decision.
  Verdict ask(const Presented& presented, Deadline deadline);
  // In a Call. The caller's descriptor, or else why there is none.
  struct Watch {
    int descriptor = -1;
    Verdict verdict{};  // of a key that is denied
  };
  Watch watch(const Presented& presented, Deadline deadline);

  cache::Gateway::Status status() const { return gateway_->status(); }
  std::string last_error() const;
  bool has_failed() const { return has_failed_.load(std::memory_order_relaxed); }

  // Ends the calls that wait, and returns when there are none.
  void close();

 private:
  // An answer of another thread to a call.
  template <class T>
  struct Awaited {
    std::optional<T> value;
    engine::Condition arrived;
  };

  void fail();
  bool begin();
  void end();
  void on_event(std::string_view source, std::string_view what, const Listener& listener);
  template <class T>
  void answer(Awaited<T>& awaited, T value);
  template <class T>
  std::optional<T> wait_for(Awaited<T>& awaited, Deadline deadline);
  WatchSockets& watch_sockets();

  std::atomic<bool> has_failed_{false};
  mutable engine::Mutex<engine::lone_level> mutex_;
  bool is_closing_ REVOKED_GUARDED_BY(mutex_) = false;
  std::size_t calls_ REVOKED_GUARDED_BY(mutex_) = 0;
  std::list<engine::Condition*> waiting_ REVOKED_GUARDED_BY(mutex_);
  engine::Condition all_ended_;
  std::string last_error_ REVOKED_GUARDED_BY(mutex_);
  // Made when first needed.
  std::unique_ptr<WatchSockets> sockets_ REVOKED_GUARDED_BY(mutex_);
  std::unique_ptr<cache::Gateway> gateway_;  // goes before what it may still tell
};

}  // namespace revoked::library
