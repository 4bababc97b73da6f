#pragma once
// The last batch of usage that each gateway sent: the same one again, because its answer was lost, has no
// effect. Bounded: the gateway whose last batch is the oldest is dropped. Any thread.

#include <list>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/mutex.hpp"

namespace revoked::engine {

class UsageBatches {
 public:
  static constexpr std::size_t max_gateways = 10'000;

  // False: it has begun before.
  bool begin(std::string_view gateway, std::string_view batch) {
    const MutexLock lock(mutex_);
    if (const auto known = by_gateway_.find(gateway); known != by_gateway_.end()) {
      if (known->second->batch == batch) return false;
      known->second->batch = batch;
      batches_.splice(batches_.begin(), batches_, known->second);
      return true;
    }
    if (batches_.size() == max_gateways) {
      by_gateway_.erase(batches_.back().gateway);
      batches_.pop_back();
    }
    batches_.push_front({std::string(gateway), std::string(batch)});
    by_gateway_.emplace(batches_.front().gateway, batches_.begin());
    return true;
  }
  // It failed, and may be repeated.
  void undo(std::string_view gateway) {
    const MutexLock lock(mutex_);
    if (const auto known = by_gateway_.find(gateway); known != by_gateway_.end())
      known->second->batch.clear();
  }

 private:
  struct Last {
    std::string gateway;
    std::string batch;
  };

  Mutex<lone_level> mutex_;
  std::list<Last> batches_ REVOKED_GUARDED_BY(mutex_);  // the latest first
  std::map<std::string_view, std::list<Last>::iterator> by_gateway_ REVOKED_GUARDED_BY(mutex_);
};

}  // namespace revoked::engine
