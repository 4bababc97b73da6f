#pragma once
// A thread that makes checkpoints periodically, at the lowest priority and not while the journal is busy:
// what the last one does not have is replayed at the next start.

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "engine/base/mutex.hpp"
#include "engine/journal/journal.hpp"

namespace revoked::engine {

class Checkpointer {
 public:
  // Makes a checkpoint if one is due. Called on the thread; returns early once `go_on` returns false.
  using Make = std::function<void(const std::function<bool()>& go_on)>;
  Checkpointer(const Journal& journal, Make make);
  ~Checkpointer();  // cancels the one in progress

 private:
  // At this many events a second or more, no checkpoint is made.
  static constexpr Sequence rush = 50'000;

  void run();

  const Journal& journal_;
  const Make make_;
  Mutex<lone_level> mutex_;
  Condition wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace revoked::engine
