#pragma once
// Decides whether Redis alone is enough, or the engine's own feed is needed as well: Redis must be connected
// and have delivered some messages in a row without a long silence. No sockets, no clock. One thread.

#include <chrono>

#include "engine/base/boot_clock.hpp"

namespace revoked::cache {

class RedisWatch {
 public:
  using Time = engine::BootClock::time_point;
  static constexpr int good_messages = 2;  // this many end the need for the feed

  explicit RedisWatch(std::chrono::milliseconds silence) : silence_(silence) {}

  void on_state(bool connected) {
    connected_ = connected;
    start_over();
  }
  void on_message(Time now) {
    last_ = now;
    if (messages_ < good_messages) ++messages_;
  }
  // Earlier messages do not count.
  void start_over() { messages_ = 0; }
  bool needs_feed(Time now) {
    if (now - last_ > silence_) start_over();
    return !connected_ || messages_ < good_messages;
  }

 private:
  const std::chrono::milliseconds silence_;
  bool connected_ = false;
  int messages_ = 0;
  Time last_{};
};

}  // namespace revoked::cache
