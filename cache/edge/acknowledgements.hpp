#pragma once
// Reports up to which position a gateway has applied all events: when the position moves, and when requested,
// at most once per `period`. No sockets, no clock. One thread.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/boot_clock.hpp"
#include "engine/model/json_writer.hpp"

namespace revoked::cache {

class Acknowledgements {
 public:
  using Time = engine::BootClock::time_point;
  using Publish = std::function<void(std::string ack)>;
  static constexpr std::chrono::milliseconds period{100};

  // Without `publish` nothing is reported.
  Acknowledgements(std::string gateway, Publish publish)
      : gateway_(std::move(gateway)), publish_(std::move(publish)) {}

  // The next report is made even if the position has not moved.
  void request() { requested_ = true; }

  // Must be called periodically.
  void report(std::optional<engine::Position> applied, Time now) {
    if (!publish_ || !applied || now - last_ < period) return;
    if (!requested_ && applied == reported_) return;
    requested_ = false;
    last_ = now;
    reported_ = applied;
    std::string text;
    engine::JsonWriter(text)
        .open('{')
        .field("gateway", std::string_view(gateway_))
        .field("epoch", applied->epoch)
        .field("sequence", applied->sequence)
        .close('}');
    publish_(std::move(text));
  }

 private:
  const std::string gateway_;
  const Publish publish_;
  bool requested_ = false;
  Time last_{};
  std::optional<engine::Position> reported_;
};

}  // namespace revoked::cache
