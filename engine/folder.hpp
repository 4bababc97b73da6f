#pragma once
// Folds revocations from the journal into the keys' records, in the background, so that a start has little to
// replay, and marks what the audit trail is searched by. Works in batches, at the lowest priority, when
// little else goes on or much has gathered, and not while the journal has its hands full: what is left is
// replayed at the next start, and searched one by one.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "engine/journal.hpp"
#include "engine/store.hpp"

namespace revoked::engine {

class Folder {
 public:
  struct Options {
    Sequence lag = 500'000;        // start folding when so many events lie unfolded,
    Sequence quiet = 100;          // or when fewer than so many have come since the last look
    Sequence batch = 50'000;       // events together
    Sequence rush = 50'000;        // while the journal takes so many events a second, it is left alone
    Sequence max_lag = 5'000'000;  // but not any further: a start has to replay what is left
  };

  // `at_leisure` is called on the folder's thread now and then, when the journal is not busy; it answers
  // early once its argument says that there is no time left.
  using Leisure = std::function<void(const std::function<bool()>& go_on)>;
  Folder(Store& store, Journal& journal, Options options, Leisure at_leisure = {});
  ~Folder();  // ends the thread after the write in progress

  // Folds all that is durable now, in the calling thread. For tests and shutdown.
  result<void> fold_all();

 private:
  void run();
  result<Sequence> fold_some();  // how many events; 0: all is folded
  void use_leisure();
  bool is_rushed();  // by the journal, as of the last look at it

  Store& store_;
  Journal& journal_;
  const Options options_;
  const Leisure at_leisure_;
  std::mutex folding_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_{false};
  std::chrono::steady_clock::time_point looked_at_ = std::chrono::steady_clock::now();
  Sequence seen_ = 0;  // durable then
  bool rushed_ = false;
  std::thread thread_;
};

}  // namespace revoked::engine
