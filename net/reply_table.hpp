#pragma once
// Answers to requests that carry an Idempotency-Key, so that repeating one has the same answer and no second
// effect. In memory alone: after a restart, or once forgotten, a key is new. Thread-safe.

#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

#include "engine/digest.hpp"
#include "engine/position.hpp"
#include "net/response.hpp"

namespace revoked::net {

inline constexpr std::size_t max_idempotency_key_size = 255;

class ReplyTable {
 public:
  struct Limits {
    std::size_t entries = 100'000;
    std::size_t bytes = 64 << 20;  // of the answers; the oldest go first
    std::chrono::hours age{24};
  };
  using Clock = std::chrono::steady_clock;

  explicit ReplyTable(Limits limits) : limits_(limits) {}
  ReplyTable() : ReplyTable(Limits{}) {}

  struct Reply {
    SentResponse sent;
    engine::Sequence durable_after = 0;  // it must not leave before this is synced
  };
  enum class Claim {
    first,          // go on, and then complete() or abandon() it
    again,          // the answer is in `reply`
    in_progress,    // the first one is not answered yet
    other_request,  // the key stands for another request
  };
  // `name` says whose key on which route; `request` is a digest of all that was asked.
  Claim claim(const std::string& name, const engine::Digest& request, Clock::time_point now, Reply& reply);
  void complete(const std::string& name, Reply reply);
  void abandon(const std::string& name);

 private:
  struct Entry {
    engine::Digest request;
    bool is_complete = false;
    Reply reply;
    std::uint64_t number = 0;
  };
  struct Age {
    Clock::time_point since;
    std::string name;
    std::uint64_t number;  // of the entry: a name may have been abandoned and claimed anew
  };
  void forget_old(Clock::time_point now);
  void forget(std::unordered_map<std::string, Entry>::iterator entry);

  const Limits limits_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::deque<Age> by_age_;
  std::size_t bytes_ = 0;
  std::uint64_t claims_ = 0;
};

}  // namespace revoked::net
