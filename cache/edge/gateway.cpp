#include "cache/edge/gateway.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <thread>

#include "cache/edge/acknowledgements.hpp"
#include "cache/edge/follower_driver.hpp"
#include "cache/edge/gateway_questions.hpp"
#include "cache/edge/gateway_state.hpp"
#include "cache/edge/log_throttle.hpp"
#include "cache/edge/message_sources.hpp"

namespace revoked::cache {
namespace {

constexpr std::chrono::milliseconds tick_period{50};
constexpr std::chrono::seconds drain_time{1};  // for work in flight when the gateway stops

constexpr std::chrono::milliseconds leave_time{500};  // for its last report
constexpr std::chrono::milliseconds look_period{2};

Report report_of(const Gateway::Options& options) {
  Report report;
  report.gateway = options.name;
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
        acknowledgements(report_of(options), [this](std::string report) { send(std::move(report)); }),
        driver(options.follower, client, cache, state, acknowledgements, log,
               [this](Monotonic now) { sources.choose_feed(now); }),
        sources(io, options, client, driver, state, log),
        questions(options.when_stale, client, cache, driver, state, log),
        ticker(io) {
    if (options.redis) {
      publisher.emplace(io, *options.redis, [this](bool connected, std::string_view reason) {
        log.log("acks", connected ? "connected" : reason);
      });
    }
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
    return engine;
  }

  // Over Redis if there is one, or else to the engine.
  void send(std::string report) {
    if (!publisher || !publisher->is_connected()) return client.report(std::move(report));
    const auto& keys = options.bus_keys;
    publisher->publish(acks_channel, std::make_shared<const std::string>(keys.empty() ? std::move(report)
                                                                                      : keys.sign(report)));
  }

  void run() {
    io.run();
    io.restart();
    io.run_for(drain_time);
  }

  void stop() {
    stopped = true;
    ticker.cancel();
    sources.stop();
    driver.stop();
    questions.stop();
    acknowledgements.leave();
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
    driver.tick(now);
    sources.choose_feed(now);
    log.log("coverage", to_string(state.coverage(now)));
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

  // The gateway's thread only.
  LogThrottle log;
  EngineClient client;
  std::optional<RedisPublisher> publisher;
  Acknowledgements acknowledgements;
  FollowerDriver driver;
  MessageSources sources;
  GatewayQuestions questions;
  Timer ticker;
  bool stopped = false;

  std::thread thread;
};

Gateway::Gateway(Options options, EventListener on_event)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(on_event))) {}

Gateway::~Gateway() = default;

std::optional<Gateway::Verdict> Gateway::check(const engine::Digest& digest) const {
  auto& state = impl_->state;
  const auto now = engine::BootClock::now();
  const bool stale = state.is_stale(now);
  if (stale) {
    if (impl_->options.when_stale == WhenStale::deny) return Verdict{std::nullopt, true};
    if (impl_->options.when_stale == WhenStale::ask) return {};
  } else if (!state.is_trusted()) {
    return {};
  }
  auto decision = impl_->cache.find(digest, state.engine_time(now));
  if (!decision) return {};
  state.hits.fetch_add(1, std::memory_order_relaxed);
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

Gateway::Status Gateway::status() const {
  Status status{};
  impl_->state.write_to(status, engine::BootClock::now());
  status.when_stale = impl_->options.when_stale;
  status.cache = impl_->cache.size();
  return status;
}

}  // namespace revoked::cache
