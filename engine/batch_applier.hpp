#pragma once
// Batches that lie in the log already, on their way into a store's tables. A thread of its own brings them
// there, many at a time, so that no commit waits for the tables, nor for who else is writing to them.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/error.hpp"
#include "engine/event.hpp"

namespace revoked::engine {

class BatchApplier {
 public:
  // Takes batches that follow each other, all or none; on the applier's thread. False is final.
  using Apply = std::function<bool(const std::vector<BatchView>&)>;

  explicit BatchApplier(Apply apply);
  ~BatchApplier();  // applies what has been added
  BatchApplier(const BatchApplier&) = delete;
  BatchApplier& operator=(const BatchApplier&) = delete;

  // Copies the batch. Waits while too much has been added. On one thread. errc::storage_failed once a batch
  // could not be applied.
  result<void> add(const BatchView& batch);

  // The rest: from any thread.
  // Whether all that has been added is applied.
  bool is_idle() const;
  // Waits until what has been added by now is applied.
  result<void> wait() const;

 private:
  struct Group {
    std::string bytes;
    std::vector<std::size_t> ends;  // of the batches
    void clear();
    bool views(std::vector<BatchView>& batches) const;
  };

  void run();

  const Apply apply_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;  // for the applier's thread
  mutable std::condition_variable applied_;  // for everyone else
  Group gathered_;
  std::uint64_t added_ = 0;  // batches
  std::uint64_t done_ = 0;
  mutable int waiting_ = 0;
  bool failed_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace revoked::engine
