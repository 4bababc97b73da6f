#include "cache/edge/gateway.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <thread>

#include "cache/bus/usage.hpp"
#include "cache/edge/follower_driver.hpp"
#include "cache/edge/gateway_questions.hpp"
#include "cache/edge/gateway_state.hpp"
#include "cache/edge/log_throttle.hpp"
#include "cache/edge/message_sources.hpp"
#include "cache/edge/reports.hpp"
#include "cache/edge/usage_reports.hpp"
#include "cache/edge/watches.hpp"
#include "engine/model/ids.hpp"

namespace revoked::cache {
namespace {

constexpr std::chrono::milliseconds tick_period{50};
constexpr std::chrono::seconds drain_time{1};  // for work in flight when the gateway stops

constexpr std::chrono::milliseconds leave_time{500};  // for its last report
constexpr std::chrono::milliseconds look_period{2};

// Of several engines; the engine's heartbeats come every second.
constexpr std::chrono::milliseconds least_silence{1500}, least_open_timeout{500};

Report report_of(const Gateway::Options& options) {
  Report report;
  report.gateway = options.name;
  report.instance = engine::new_random_id();
  report.when_stale = options.when_stale;
  report.lease = options.follower.lease;
  report.version = options.version;
  return report;
}

}  // namespace

// Owns the parts and the thread on which they run.
struct Gateway::Impl {
  Impl(Options options_, EventListener on_event)
      : options(std::move(options_)),
        work(io.get_executor()),
        cache(options.cache),
        state(options.follower.lease),
        log(std::move(on_event)),
        client(io, client_options()),
        reports(
            report_of(options),
            [this](std::string report, bool is_first) { send(std::move(report), is_first); },
            [this](Monotonic due) { report_at(due); }),
        driver(
            follower_options(), client, cache, state, reports, log,
            [this](Monotonic now) { sources.choose_feed(now); },
            [this](const Follower::Actions& actions) { watches.follow(actions); }),
        sources(io, options, client, driver, state, log),
        questions(options.when_stale, client, cache, driver, state, log),
        watches(io, options.watches, options.when_stale, questions, cache, state),
        usage(
            options.name, cache, denied,
            [this](std::string report) { client.report_usage(std::move(report)); }, log),
        ticker(io),
        report_timer(io) {
    if (options.redis) {
      publisher.emplace(io, *options.redis, [this](bool connected, std::string_view detail) {
        log.log("acks", describe_redis_state(connected, detail));
      });
    }
    state.set_engine(client.engine());
    asio::post(io, [this] { tick(); });
    thread = std::thread([this] { run(); });
  }

  ~Impl() {
    asio::post(io, [this] { stop(); });
    thread.join();
  }

  EngineClient::Options client_options() {
    auto engine = options.engine;
    // The follower tolerates late responses, but by at most five of its timeouts.
    engine.page_timeout = std::min(engine.page_timeout, 2 * options.follower.repair_timeout);
    engine.on_reported = [this](error_code error) {
      log.log("reports", error ? error.message() : "accepted by the engine");
    };
    engine.on_usage_reported = [this](error_code error) { usage.on_result(error); };
    if (engine.addresses.size() == 1) return engine;
    // Another engine must be found, also the second that is tried, and its page read, before the lease ends.
    const auto lease = options.follower.lease;
    engine.stream_silence_timeout = std::clamp(lease / 2, least_silence, engine.stream_silence_timeout);
    engine.stream_open_timeout = std::clamp(lease / 3, least_open_timeout, engine.stream_open_timeout);
    engine.longest_pause = std::min(lease / 6, engine.longest_pause);
    engine.on_engine_changed = [this](std::string_view reason) { on_engine_changed(reason); };
    return engine;
  }

  Follower::Options follower_options() const {
    auto follower = options.follower;
    follower.has_several_engines = options.engine.addresses.size() > 1;
    return follower;
  }

  void on_engine_changed(std::string_view reason) {
    ++state.engine_changes;
    state.set_engine(client.engine());
    log.log("engine in use", "now " + client.engine() + "; the one before: " + std::string(reason));
    if (stopped) return;
    reports.start_over();
    driver.on_engine_changed(engine::BootClock::now());
  }

  // Over Redis if messages are signed there, or else to the engine, which then knows by its key whose the
  // name is. The first report always goes to the engine, so that nobody else can report under the name over
  // HTTP.
  void send(std::string report, bool is_first) {
    const bool has_redis = publisher && publisher->is_connected();
    const auto& keys = options.bus_keys;
    if (!has_redis || keys.empty() || is_first || !client.has_reported()) client.report(report);
    if (!has_redis || is_first) return;
    publisher->publish(acks_channel, std::make_shared<const std::string>(keys.empty() ? std::move(report)
                                                                                      : keys.sign(report)));
  }

  void report_at(Monotonic due) {
    report_timer.expires_after(due - engine::BootClock::now());
    report_timer.async_wait([this](error_code error) {
      if (!error && !stopped) reports.send_due(engine::BootClock::now());
    });
  }

  void run() {
    if (!options.on_failure) return run_until_stopped();
    try {
      run_until_stopped();
    } catch (...) {
      options.on_failure();
    }
  }

  void run_until_stopped() {
    io.run();
    io.restart();
    io.run_for(drain_time);
  }

  void stop() {
    stopped = true;
    ticker.cancel();
    report_timer.cancel();
    sources.stop();
    driver.stop();
    watches.stop();
    questions.stop();
    reports.leave();
    usage.leave(state.engine_time(engine::BootClock::now()));
    end_when_sent(std::chrono::steady_clock::now() + leave_time);
  }

  void end_when_sent(std::chrono::steady_clock::time_point limit) {
    const bool is_sent = (!publisher || publisher->is_idle()) && client.has_reported();
    if (!is_sent && std::chrono::steady_clock::now() < limit) {
      ticker.expires_after(look_period);
      ticker.async_wait([this, limit](error_code) { end_when_sent(limit); });
      return;
    }
    publisher.reset();
    client.stop();
    work.reset();
    io.stop();  // run() continues for drain_time
  }

  void tick() {
    if (stopped) return;
    const auto now = engine::BootClock::now();
    state.ticks.add();
    state.count_stale(now);
    driver.tick(now);
    sources.choose_feed(now);
    watches.tick(now);
    log.log("coverage", to_string(state.coverage(now)));
    usage.tick(std::chrono::steady_clock::now(), state.engine_time(now));
    log.tick();
    ticker.expires_after(tick_period);
    ticker.async_wait([this](error_code error) {
      if (!error) tick();
    });
  }

  const Options options;
  asio::io_context io{1};
  asio::executor_work_guard<Executor> work;

  // Read by other threads.
  NearCache cache;
  GatewayState state;
  DeniedAttempts denied;

  // The gateway's thread only.
  LogThrottle log;
  EngineClient client;
  std::optional<RedisPublisher> publisher;
  Reports reports;
  FollowerDriver driver;
  MessageSources sources;
  GatewayQuestions questions;
  Watches watches;
  UsageReports usage;
  Timer ticker;
  Timer report_timer;
  bool stopped = false;

  std::thread thread;
};

Gateway::Gateway(Options options, EventListener on_event)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(on_event))) {}

Gateway::~Gateway() = default;

std::optional<Gateway::Verdict> Gateway::check(const engine::Digest& digest) const {
  auto& state = impl_->state;
  impl_->cache.prefetch(digest);  // during the reading of the clock
  const auto now = engine::BootClock::now();
  const bool stale = state.is_stale(now);
  if (stale) {
    if (impl_->options.when_stale == WhenStale::deny) return Verdict{std::nullopt, true};
    if (impl_->options.when_stale == WhenStale::ask) return {};
  } else if (!state.is_trusted()) {
    return {};
  }
  auto decision = impl_->cache.find(digest, state.engine_time(now));
  if (!decision) {
    state.misses.add();
    return {};
  }
  state.hits.add();
  return Verdict{std::move(decision), stale};
}

void Gateway::ask(const engine::Digest& digest, std::string_view secret, std::function<void(Verdict)> done,
                  std::string_view peer, std::shared_ptr<const std::atomic<bool>> left,
                  std::string traceparent) {
  auto question = std::make_shared<GatewayQuestions::Question>();
  question->digest = digest;
  question->secret = secret;
  question->done = std::move(done);
  question->asker = {peer_of(peer), std::move(left), {}, std::move(traceparent)};
  asio::dispatch(impl_->io,
                 [impl = impl_.get(), question = std::move(question)] { impl->questions.ask(question); });
}

void Gateway::watch(Watcher& watcher, const engine::Digest& digest, std::string secret,
                    std::function<void(WatchStart)> done, std::string_view peer) {
  Watches::Request request{&watcher, digest, std::move(secret), std::move(done), peer_of(peer)};
  asio::dispatch(impl_->io, [impl = impl_.get(), request = std::move(request)]() mutable {
    impl->watches.open(std::move(request));
  });
}

void Gateway::unwatch(Watcher& watcher, std::function<void()> done) {
  asio::dispatch(impl_->io, [impl = impl_.get(), &watcher, done = std::move(done)] {
    impl->watches.close(watcher);
    done();
  });
}

void Gateway::note_denied(const CachedDecision& decision, std::string_view forwarded, std::string_view peer) {
  using State = Decision::State;
  if (decision.state == State::active || decision.state == State::unknown) return;
  auto client = read_address(forwarded);
  if (client.is_unspecified()) client = read_address(peer);
  IdBuffer buffer;
  const auto now = impl_->state.engine_time(engine::BootClock::now());
  impl_->denied.add(decision.key_id(buffer), decision.state, now, client);
}

Gateway::Status Gateway::status() const {
  Status status{};
  impl_->state.write_to(status, engine::BootClock::now());
  status.when_stale = impl_->options.when_stale;
  status.cache = impl_->cache.size();
  status.denied = impl_->denied.counts();
  return status;
}

}  // namespace revoked::cache
