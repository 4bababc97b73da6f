#include "cache/edge/engine_clock.hpp"

namespace revoked::cache {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr auto relation_lasts = 60s;
constexpr auto relate_every = 30s;

}  // namespace

void EngineClock::relate(Monotonic requested, std::string_view clock, std::uint64_t up,
                         std::optional<UnixMs> wall, Monotonic now) {
  if (up > max_up) return;
  if (!is(clock)) reset();
  clock_ = clock;
  const Relation found{requested, up};
  // A slow response gives a worse bound than the one before, but clocks drift.
  const bool is_better = !relation_ || found.bound() > relation_->bound();
  if (is_better || is_relation_due(now)) relation_ = found;
  if (wall) note(clock, up, *wall);
}

std::optional<Monotonic> EngineClock::time_at(std::string_view clock, std::uint64_t up, Monotonic now) const {
  if (!is(clock) || !relation_ || now - relation_->requested > relation_lasts) return {};
  return Monotonic(relation_->bound() + milliseconds(up));
}

bool EngineClock::is_relation_due(Monotonic now) const {
  return relation_ && now - relation_->requested > relate_every;
}

std::optional<UnixMs> EngineClock::wall_time(Monotonic now) const {
  if (!relation_ || newest_up_ == 0) return {};
  const auto up = std::chrono::duration_cast<milliseconds>(now.time_since_epoch() - relation_->bound());
  return wall_at_zero_ + up.count();
}

}  // namespace revoked::cache
