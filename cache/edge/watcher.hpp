#pragma once
// One who is told once a key is denied: Gateway::watch().

#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <string_view>

#include "cache/wire/asio.hpp"

namespace revoked::cache {

class Watches;

struct WatchLimits {
  std::size_t watchers = 10'000;
  std::size_t watchers_of_key = 1'000;  // of one secret
};

class Watcher : public boost::intrusive::list_base_hook<> {
 public:
  // on_denied() runs on `executor`.
  explicit Watcher(const Executor& executor) : executor_(executor) {}
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // At most once. `reason` is that of the denied check, or "stale"; it is valid for good. The gateway no
  // longer knows this by then.
  virtual void on_denied(std::string_view reason) noexcept = 0;

 protected:
  ~Watcher() = default;

 private:
  friend class Watches;
  const Executor executor_;
  struct WatchedKey* key_ = nullptr;  // null: not held, or told
};

}  // namespace revoked::cache
