#pragma once
// A follower whose time and messages a test decides.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "cache/edge/follower.hpp"

namespace revoked::cache::follower_harness {

// Epoch 3, position 100, lease 3 s, time in milliseconds since an arbitrary start.
class FollowerProtocol : public testing::Test {
 protected:
  static Monotonic at(int ms) { return Monotonic(std::chrono::hours(1)) + std::chrono::milliseconds(ms); }
  static constexpr auto from_engine = Follower::Source::engine;
  static constexpr auto signed_bus = Follower::Source::signed_bus;
  static constexpr auto bus = Follower::Source::bus;

  // The engine's clocks at `ms`: it has run for 500 s, and its wall clock is an hour ahead.
  static std::uint64_t up_at(int ms) { return static_cast<std::uint64_t>(500'000 + ms); }
  static UnixMs wall_at(int ms) { return 3'600'000'000 + ms; }
  static Message sent(Message m, int ms) {
    m.up = up_at(ms);
    m.at = wall_at(ms);
    return m;
  }
  // A page that the engine sends at `ms`.
  static Page page(Position position, int ms, std::vector<Message> messages = {}, bool more = false) {
    return {position, more, std::move(messages), {}, {}, wall_at(ms), up_at(ms)};
  }
  static Message message(Sequence first, Sequence last, std::vector<Sequence> revoked = {}, Epoch epoch = 3) {
    Message m{epoch, first, last, static_cast<UnixMs>(last), {}};
    for (const auto sequence : revoked) {
      auto& event = m.events.emplace_back();
      event.type = Invalidation::Type::key_revoked;
      event.sequence = sequence;
      event.key_id = "k" + std::to_string(sequence);
      event.epoch = epoch;
    }
    return m;
  }
  static Message heartbeat(Sequence last, int sent_at, Epoch epoch = 3) {
    return sent({epoch, last + 1, last, 0, {}}, sent_at);
  }
  static Message unknown(Sequence sequence) {
    auto m = message(sequence, sequence, {sequence});
    m.events[0].type = Invalidation::Type::unknown;
    return m;
  }
  static std::vector<Sequence> applied(const Follower::Actions& actions) {
    std::vector<Sequence> sequences;
    for (const auto& event : actions.apply) sequences.push_back(event.sequence);
    return sequences;
  }
  static bool nothing(const Follower::Actions& actions) {
    return !actions.flush && actions.apply.empty() && actions.recheck.empty() && !actions.request_after;
  }

  void start(int ms = 0) {
    follower.on_page(page({3, 100}, ms), at(ms));
    follower.on_page(page({3, 100}, ms), at(ms));
  }
  void tick_until(int from, int to) {
    for (int ms = from; ms <= to; ms += 100) follower.tick(at(ms));
  }

  Follower follower{{}};
};

}  // namespace revoked::cache::follower_harness
