#pragma once
// A thread of its own that makes checkpoints now and then, at the lowest priority, and not while the journal
// has its hands full: what is missing in the last one is replayed at the next start.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "engine/journal/journal.hpp"

namespace revoked::engine {

class Checkpointer {
 public:
  // Makes one if it is due. Called on the thread; answers early once its argument says that there is no time
  // left.
  using Make = std::function<void(const std::function<bool()>& go_on)>;
  Checkpointer(const Journal& journal, Make make);
  ~Checkpointer();  // has the one in progress given up

 private:
  // While the journal takes so many events a second, it is left alone.
  static constexpr Sequence rush = 50'000;

  void run();

  const Journal& journal_;
  const Make make_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace revoked::engine
