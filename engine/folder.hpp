#pragma once
// Folds revocations from the journal into the keys' records, in the background, so that a start has little to
// replay, and marks what the audit trail is searched by. Works in batches, at the lowest priority, and only
// when little else goes on or much has gathered: what is left is replayed, or searched, in well under a
// second.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/journal.hpp"
#include "engine/store.hpp"

namespace revoked::engine {

class Folder {
 public:
  struct Options {
    Sequence lag = 500'000;  // start folding when so many events lie unfolded,
    Sequence quiet = 100;    // or when fewer than so many have come since the last look
    Sequence batch = 2'000;  // events a write: commits wait for one that is under way
  };

  Folder(Store& store, Journal& journal, Options options);
  ~Folder();  // ends the thread after the write in progress

  // Folds all that is durable now, in the calling thread. For tests and shutdown.
  result<void> fold_all();

 private:
  void run();
  result<Sequence> fold_some();  // how many events; 0: all is folded

  Store& store_;
  Journal& journal_;
  const Options options_;
  std::mutex folding_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace revoked::engine
