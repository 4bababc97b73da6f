#pragma once
// The engines of a gateway, and which one is in use. All of its requests go to that one, so that an answer, a
// page and the stream are of the same engine. One that fails is replaced by the next, and the last is
// followed by the first. Several requests may report the same failure: only the engine in use can be
// replaced. One thread.
//
// The next is used at once. After a round in which none stayed in use, there is a pause, in which the
// requests go on failing by themselves.

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/wire/backoff.hpp"
#include "cache/wire/http_origin.hpp"

namespace revoked::cache {

class EngineChoice {
 public:
  struct Engine {
    std::string url;        // for people
    std::string host_line;  // of requests, with its line end
    std::shared_ptr<HttpOrigin> origin;
  };
  using Pointer = std::shared_ptr<const Engine>;
  using Clock = std::chrono::steady_clock;
  // Another engine is in use; `reason`: of the failure.
  using Listener = std::function<void(std::string_view reason)>;

  // At least one engine. A pause is at most `longest_pause`; an engine that was in use for twice that time
  // has stayed in use.
  EngineChoice(std::vector<Pointer> engines, std::chrono::milliseconds longest_pause)
      : engines_(std::move(engines)),
        settled_after_(2 * longest_pause),
        pauses_(std::min(Backoff::shortest, longest_pause), longest_pause) {}

  const Pointer& in_use() const { return engines_[index_]; }
  std::size_t others() const { return engines_.size() - 1; }

  void set_listener(Listener on_change) { on_change_ = std::move(on_change); }

  // It cannot be reached, says that it does not serve, or is behind. Changes nothing if it is not in use.
  void failed(const Pointer& engine, std::string_view reason, Clock::time_point now = Clock::now()) {
    if (others() == 0 || engine != in_use() || now < not_before_) return;
    if (now - in_use_since_ > settled_after_) {
      failures_ = 0;
      pauses_.reset();
    }
    index_ = (index_ + 1) % engines_.size();
    in_use_since_ = now;
    if (++failures_ == engines_.size()) {
      failures_ = 0;
      not_before_ = now + pauses_.next();
    }
    if (on_change_) on_change_(reason);
  }

 private:
  const std::vector<Pointer> engines_;
  const std::chrono::milliseconds settled_after_;
  Backoff pauses_;
  Listener on_change_;
  std::size_t index_ = 0;
  std::size_t failures_ = 0;  // since an engine stayed in use, or since the last pause
  Clock::time_point in_use_since_{};
  Clock::time_point not_before_{};
};

}  // namespace revoked::cache
