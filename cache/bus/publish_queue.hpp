#pragma once
// Messages on their way from the threads that publish to the thread of the connection. Bounded, in the order
// of the calls. Any thread. Internal to this room.

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/mutex.hpp"

namespace revoked::cache {

class PublishQueue {
 public:
  struct Item {
    std::string channel;
    std::shared_ptr<const std::string> message;
  };
  using Items = std::vector<Item>;

  explicit PublishQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  enum class Pushed { refused, queued, must_take };
  // `refused`: full. `must_take`: no take() is due yet, so the caller has to post one.
  Pushed push(Item item) {
    const engine::MutexLock lock(mutex_);
    const auto size = item.message->size();
    if (bytes_ + size > max_bytes_) return Pushed::refused;
    bytes_ += size;
    items_.push_back(std::move(item));
    return std::exchange(is_take_due_, true) ? Pushed::queued : Pushed::must_take;
  }

  // Moves everything to `items`, which must be empty. Its capacity serves the next items.
  void take(Items& items) {
    const engine::MutexLock lock(mutex_);
    items.swap(items_);
    bytes_ = 0;
    is_take_due_ = false;
  }

  bool is_empty() const {
    const engine::MutexLock lock(mutex_);
    return items_.empty();
  }

  // How many were dropped. A take() that is due stays due.
  std::size_t clear() {
    const engine::MutexLock lock(mutex_);
    const auto count = items_.size();
    items_.clear();
    bytes_ = 0;
    return count;
  }

 private:
  const std::size_t max_bytes_;
  mutable engine::Mutex<3> mutex_;
  Items items_ REVOKED_GUARDED_BY(mutex_);
  std::size_t bytes_ REVOKED_GUARDED_BY(mutex_) = 0;
  bool is_take_due_ REVOKED_GUARDED_BY(mutex_) = false;
};

}  // namespace revoked::cache
