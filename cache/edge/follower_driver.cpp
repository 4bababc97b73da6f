#include "cache/edge/follower_driver.hpp"

#include <string>
#include <utility>

namespace revoked::cache {
namespace {

constexpr std::chrono::milliseconds begin_period{500};  // between two requests for the engine's position

}  // namespace

FollowerDriver::FollowerDriver(const Follower::Options& options, EngineClient& client, NearCache& cache,
                               GatewayState& state, Reports& reports, LogThrottle& log,
                               std::function<void(Monotonic)> after_page,
                               std::function<void(const Follower::Actions&)> on_actions)
    : follower_(options),
      client_(client),
      cache_(cache),
      state_(state),
      reports_(reports),
      log_(log),
      after_page_(std::move(after_page)),
      on_actions_(std::move(on_actions)) {}

bool FollowerDriver::on_message(std::string_view json, Follower::Source source, Monotonic now) {
  auto message = decode_message(json);
  if (message.has_error()) {
    ++state_.unreadable_messages;
    log_.log(source == Follower::Source::engine ? "feed" : "redis", "a malformed message");
    act(follower_.on_unreadable(source, now), now);
    return false;
  }
  const bool is_ours = message->journal == follower_.engine_journal();
  const bool may_be_of_engine = is_ours && follower_.may_be_of_engine(message->clock);
  if (is_ours && message->is_heartbeat() && source != Follower::Source::bus) {
    reports_.set_period(message->report_ms ? std::chrono::milliseconds(*message->report_ms)
                                           : Reports::min_period);
  }
  if (is_ours) count(*message, source);
  act(follower_.on_message(std::move(*message), source, now), now);
  state_.foreign_messages.store(follower_.foreign_messages());
  return may_be_of_engine;
}

void FollowerDriver::count(const Message& message, Follower::Source source) {
  if (source == Follower::Source::bus) return state_.hints.add();
  if (message.is_heartbeat()) return state_.heartbeats.add();
  const auto position = follower_.position();
  const bool is_known = position && Position{message.epoch, message.last} <= *position;
  (is_known ? state_.known_messages : state_.applied_messages).add();
}

void FollowerDriver::on_gone(const Page& engine_now, Monotonic now) {
  act(follower_.on_page_gone(engine_now, now), now);
}

void FollowerDriver::on_decision(const Decision& decision, Monotonic now) {
  act(follower_.on_decision(decision.as_of, decision.journal, now), now);
}

void FollowerDriver::tick(Monotonic now) {
  act(follower_.tick(now), now);
  if (follower_.position() || reads_page_ || now < next_begin_) return;
  next_begin_ = now + begin_period;
  request_page(std::nullopt);
}

void FollowerDriver::stop() { stopped_ = true; }

void FollowerDriver::act(const Follower::Actions& actions, Monotonic now) {
  if (actions.flush || !follower_.trusts_cache()) state_.distrust();
  if (actions.flush) {
    cache_.flush(*actions.flush);
    cache_epoch_ = actions.flush->epoch;
    ++state_.flushes;
    log_.log("follower", "restarts at " + to_string(*actions.flush));
  }
  cache_.apply(actions.apply);
  cache_.recheck(actions.recheck);
  state_.invalidations += actions.apply.size();
  const auto position = follower_.position();
  if (position && position->epoch > cache_epoch_) {
    cache_.advance(position->epoch);
    cache_epoch_ = position->epoch;
  }
  state_.show(follower_, now);
  reports_.note(position, follower_.journal(), state_.coverage(now), now);
  if (actions.request_after) {
    if (!follower_.trusts_cache()) ++state_.repairs;
    request_page(actions.request_after);
  }
  on_actions_(actions);
  if (actions.is_engine_behind) client_.leave_engine("it is behind another");
}

// One at a time. The follower counts responses and attributes each to its first open request, so a request
// made while a page is being read fails at once. The page counts for its own request, and the follower asks
// again if that is not enough.
void FollowerDriver::request_page(std::optional<Position> after) {
  if (reads_page_) {
    follower_.on_page_failed(engine::BootClock::now());
    return;
  }
  read_page(after, &FollowerDriver::on_page);
}

void FollowerDriver::read_page(std::optional<Position> after,
                               void (FollowerDriver::*take)(const PageResult&, Monotonic)) {
  reads_page_ = true;
  client_.read_page(after, follower_.journal(), [this, take](const PageResult& answer) {
    reads_page_ = false;
    if (stopped_) return;
    const auto now = engine::BootClock::now();
    (this->*take)(answer, now);
  });
}

void FollowerDriver::on_page(const PageResult& answer, Monotonic now) {
  if (answer.has_error()) {
    log_.log("engine", "cannot read a feed page: " + answer.error().message());
    // An unreadable page would be unreadable again. Its events are unknown, so no cached decision is valid:
    // report the range as gone, with the engine's position.
    if (answer.error() == engine::errc::malformed && follower_.position())
      return read_page(std::nullopt, &FollowerDriver::on_position);
    act(follower_.on_page_failed(now), now);
  } else {
    log_.forget("engine");
    const auto& page = answer->page;
    act(answer->gone ? follower_.on_page_gone(page, now) : follower_.on_page(page, now), now);
  }
  after_page_(now);
}

void FollowerDriver::on_position(const PageResult& answer, Monotonic now) {
  act(answer.has_error() ? follower_.on_page_failed(now) : follower_.on_page_gone(answer->page, now), now);
  after_page_(now);
}

}  // namespace revoked::cache
