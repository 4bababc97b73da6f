#include "cache/edge/gateway.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <thread>

#include "cache/edge/log_throttle.hpp"
#include "cache/edge/recent_unknowns.hpp"
#include "engine/model/json_writer.hpp"

namespace revoked::cache {

using namespace std::chrono_literals;

namespace {

constexpr auto tick_period = 50ms;
constexpr auto ack_period = 100ms;
constexpr auto begin_period = 500ms;  // between two requests for the engine's position
constexpr auto drain_time = 1s;       // for work in flight when the gateway stops
constexpr int good_messages = 2;      // this many from Redis end the following of the feed

// Decides whether Redis alone is enough.
class RedisWatch {
 public:
  explicit RedisWatch(std::chrono::milliseconds silence) : silence_(silence) {}

  void on_state(bool connected) {
    connected_ = connected;
    start_over();
  }
  void on_message(Monotonic now) {
    last_ = now;
    if (messages_ < good_messages) ++messages_;
  }
  void start_over() { messages_ = 0; }
  bool needs_feed(Monotonic now) {
    if (now - last_ > silence_) start_over();
    return !connected_ || messages_ < good_messages;
  }

 private:
  const std::chrono::milliseconds silence_;
  bool connected_ = false;
  int messages_ = 0;
  Monotonic last_{};
};

std::int64_t to_ms(Monotonic at) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

std::int64_t to_ns(Monotonic at) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

EngineClient::Options client_options(const Gateway::Options& options) {
  auto engine = options.engine;
  // The follower tolerates late responses, but by at most five of its timeouts.
  engine.page_timeout = std::min(engine.page_timeout, 2 * options.follower.repair_timeout);
  return engine;
}

}  // namespace

struct Gateway::Impl {
  struct Question {
    engine::Digest digest;
    std::string secret;
    std::function<void(Verdict)> done;
    EngineClient::Asker asker;
    bool asked_again = false;
    NearCache::Moment asked{};
  };
  using QuestionPointer = std::shared_ptr<Question>;

  Impl(Options options_, EventListener on_event_)
      : options(std::move(options_)),
        work(io.get_executor()),
        cache(options.cache),
        follower(options.follower),
        client(io, client_options(options)),
        ticker(io),
        redis_watch(options.redis_silence),
        log_throttle(std::move(on_event_)) {
    if (options.redis) {
      publisher.emplace(io, *options.redis, [this](bool connected, std::string_view reason) {
        log("acks", connected ? "connected" : reason);
      });
      subscriber.emplace(
          io, *options.redis, std::string(invalidations_channel),
          [this](std::string_view json) { on_redis_message(json); },
          [this](bool connected, std::string_view reason) { on_redis_state(connected, reason); });
    }
    asio::post(io, [this] { tick(); });
    thread = std::thread([this] { run(); });
  }

  ~Impl() {
    asio::post(io, [this] { stop(); });
    thread.join();
  }

  void run() {
    io.run();
    io.restart();
    io.run_for(drain_time);
  }

  void stop() {
    stopping = true;
    ticker.cancel();
    subscriber.reset();
    publisher.reset();
    client.stop();
    work.reset();
    io.stop();  // run() continues for drain_time
  }

  void log(std::string_view source, std::string_view what) {
    log_throttle.log(source, what, std::chrono::steady_clock::now());
  }

  // ---- events and actions of the follower

  void on_redis_message(std::string_view json) {
    if (options.bus_keys.empty()) return on_message(json, Follower::Source::bus);
    if (options.bus_keys.is_signed(json)) return on_message(json, Follower::Source::signed_bus);
    ++unsigned_messages;
    log("redis", "a message without a valid signature");
  }

  void on_message(std::string_view json, Follower::Source source) {
    const bool from_redis = source != Follower::Source::engine;
    const auto now = engine::BootClock::now();
    auto message = decode_message(json);
    if (message.has_error()) {
      ++unreadable_messages;
      log(from_redis ? "redis" : "feed", "a malformed message");
      act(follower.on_unreadable(source, now), now);
      return choose_feed(now);
    }
    // Messages of another or an earlier engine do not prove that ours is up.
    if (from_redis && message->journal == follower.engine_journal()) redis_watch.on_message(now);
    if (message->is_heartbeat()) ack_wanted = true;
    act(follower.on_message(std::move(*message), source, now), now);
    foreign_messages.store(follower.foreign_messages());
    choose_feed(now);
  }

  // Other threads must see lost trust before the cache changes, and regained trust after.
  void act(Follower::Actions actions, Monotonic now) {
    if (actions.flush || !follower.trusts_cache()) trusted.store(false);
    if (actions.flush) {
      cache.flush(*actions.flush);
      cache_epoch = actions.flush->epoch;
      ++flushes;
      log("follower", "restarts at " + to_string(*actions.flush));
    }
    cache.apply(actions.apply);
    cache.doubt(actions.doubt);
    invalidations += actions.apply.size();
    const auto now_at = follower.position();
    if (now_at && now_at->epoch > cache_epoch) {
      cache.advance(now_at->epoch);
      cache_epoch = now_at->epoch;
    }
    show(now_at, now);
    if (!actions.apply.empty()) ack_wanted = true;
    acknowledge(now);
    if (actions.request_after) {
      if (!follower.trusts_cache()) ++repairs;
      request_page(*actions.request_after);
    }
  }

  void show(std::optional<Position> now_at, Monotonic now) {
    {
      std::lock_guard lock(position_mutex);
      shown_position = now_at;
      shown_journal = follower.journal();
    }
    if (const auto time = follower.engine_time(now)) engine_ahead_ms.store(*time - to_ms(now));
    lease_end_ns.store(to_ns(follower.lease_end()));
    trusted.store(follower.trusts_cache());
  }

  // ---- pages

  // One at a time. The follower counts responses and attributes each to its first open request, so a request
  // made while a page is being read fails at once. The page counts for its own request, and the follower asks
  // again if that is not enough.
  void request_page(std::optional<Position> after) {
    if (page_runs) {
      follower.on_page_failed(engine::BootClock::now());
      return;
    }
    page_runs = true;
    client.read_page(after, follower.journal(),
                     [this](const engine::result<EngineClient::PageAnswer>& answer) { on_page(answer); });
  }

  void on_page(const engine::result<EngineClient::PageAnswer>& answer) {
    page_runs = false;
    if (stopping) return;
    const auto now = engine::BootClock::now();
    if (answer.has_error()) {
      log("engine", "cannot read a feed page: " + answer.error().message());
      if (answer.error() == engine::errc::malformed && follower.position()) return skip_page();
      act(follower.on_page_failed(now), now);
    } else {
      log_throttle.forget("engine");
      const auto& page = answer->page;
      act(answer->gone ? follower.on_page_gone(page, now) : follower.on_page(page, now), now);
    }
    choose_feed(now);
  }

  // An unreadable page would be unreadable again. Its events are unknown, so no cached decision is valid:
  // report the range as gone, with the engine's position.
  void skip_page() {
    page_runs = true;
    client.read_page(
        std::nullopt, follower.journal(), [this](const engine::result<EngineClient::PageAnswer>& answer) {
          page_runs = false;
          if (stopping) return;
          const auto now = engine::BootClock::now();
          act(answer.has_error() ? follower.on_page_failed(now) : follower.on_page_gone(answer->page, now),
              now);
          choose_feed(now);
        });
  }

  // ---- message sources

  void on_redis_state(bool connected, std::string_view reason) {
    redis_connected = connected;
    redis_watch.on_state(connected);
    log("redis", connected ? "connected" : reason);
    choose_feed(engine::BootClock::now());
  }

  // Follows the engine's own feed unless Redis works.
  void choose_feed(Monotonic now) {
    if (stopping) return;
    if (follower.is_stale(now)) redis_watch.start_over();
    // Unsigned messages prove nothing.
    const bool wanted = !options.redis || options.bus_keys.empty() || redis_watch.needs_feed(now);
    if (wanted == feed_runs) return;
    feed_runs = wanted;
    if (wanted) return start_feed();
    client.stop_stream();
    on_feed_state(false, "not needed");
  }

  void start_feed() {
    EngineClient::StreamHandlers handlers;
    handlers.position = [this] { return follower.position(); };
    handlers.journal = [this] { return follower.journal(); };
    handlers.on_message = [this](std::string_view json) { on_message(json, Follower::Source::engine); };
    handlers.on_gone = [this](const Page& engine_now) {
      const auto now = engine::BootClock::now();
      act(follower.on_page_gone(engine_now, now), now);
    };
    handlers.on_state = [this](bool connected, std::string_view reason) { on_feed_state(connected, reason); };
    client.start_stream(std::move(handlers));
  }
  void on_feed_state(bool connected, std::string_view reason) {
    feed_connected = connected;
    follower.set_fed(connected);
    log("feed", connected ? "connected" : reason);
  }

  // ---- time

  void tick() {
    if (stopping) return;
    const auto now = engine::BootClock::now();
    act(follower.tick(now), now);
    choose_feed(now);
    if (!follower.position() && !page_runs && now >= next_begin) {
      next_begin = now + begin_period;
      request_page(std::nullopt);
    }
    log("coverage", follower.is_stale(now) ? "stale" : follower.trusts_cache() ? "fresh" : "repairing");
    log_throttle.tick(std::chrono::steady_clock::now());
    ticker.expires_after(tick_period);
    ticker.async_wait([this](error_code error) {
      if (!error) tick();
    });
  }

  void acknowledge(Monotonic now) {
    const auto applied = follower.position();
    if (!publisher || !applied || now - last_ack < ack_period) return;
    if (!ack_wanted && applied == acknowledged) return;
    ack_wanted = false;
    last_ack = now;
    acknowledged = applied;
    std::string text;
    engine::JsonWriter(text)
        .open('{')
        .field("gateway", std::string_view(options.name))
        .field("epoch", applied->epoch)
        .field("sequence", applied->sequence)
        .close('}');
    publisher->publish(acks_channel, std::make_shared<const std::string>(std::move(text)));
  }

  // ---- questions

  bool is_stale() const { return is_stale(engine::BootClock::now()); }
  bool is_stale(Monotonic now) const { return to_ns(now) >= lease_end_ns.load(); }

  // By the engine's clock, which decides about expiry.
  engine::UnixMs engine_time(Monotonic now) const { return to_ms(now) + engine_ahead_ms.load(); }

  // Answers if check() would by now, or if the engine recently reported the secret as unknown.
  bool answer_without_asking(const Question& question) {
    const auto now = engine::BootClock::now();
    const auto now_at = follower.position();
    if (is_stale(now) || !follower.trusts_cache() || !now_at) return false;
    if (auto decision = cache.find(question.digest, engine_time(now))) {
      question.done({std::move(decision), false});
      return true;
    }
    if (!unknowns.knows(question.digest, *now_at, std::chrono::steady_clock::now())) return false;
    question.done({CachedDecision(std::make_shared<const Decision>()), false});
    return true;
  }

  void ask(QuestionPointer question) {
    if (stopping || (options.when_stale == WhenStale::deny && is_stale()))
      return question->done({std::nullopt, is_stale()});
    if (!question->asked_again && answer_without_asking(*question)) return;
    ++questions;
    question->asked = cache.moment();
    auto asker = question->asker;
    asker.answered = [this, question] { return answer_without_asking(*question); };
    client.ask(
        question->digest, question->secret,
        [this, question](const engine::result<Decision>& answer) { on_answer(question, answer); },
        std::move(asker));
  }

  void on_answer(const QuestionPointer& question, const engine::result<Decision>& answered) {
    const auto now = engine::BootClock::now();
    const bool stale = is_stale(now);
    auto answer = answered;
    if (answer.has_error()) {
      log("engine", answer.error().message());
      if (options.when_stale != WhenStale::serve) return question->done({std::nullopt, stale});
      return question->done({cache.find(question->digest, engine_time(now)), true});
    }
    log_throttle.forget("engine");
    if (answer->state == Decision::State::active && answer->expires_at &&
        *answer->expires_at <= engine_time(now)) {
      answer->state = Decision::State::expired;
    }
    act(follower.on_decision(answer->as_of, answer->journal, now), now);
    if (stale && options.when_stale == WhenStale::deny) return question->done({std::nullopt, true});
    const bool is_ours = answer->journal == follower.engine_journal();
    const bool keeps = !stale && is_ours && follower.trusts_cache();
    const bool is_kept = keeps && cache.fill(question->digest, *answer, question->asked);
    if ((keeps && !is_kept && is_overtaken(*question, *answer)) || (is_ours && cache.has_ended(*answer))) {
      // Events applied since override it, even if others are missing; the engine has them by now.
      if (question->asked_again) return question->done({std::nullopt, stale});
      question->asked_again = true;
      return ask(question);
    }
    if (answer->state == Decision::State::unknown && keeps)
      unknowns.remember(question->digest, answer->as_of, std::chrono::steady_clock::now());
    question->done({CachedDecision(std::make_shared<const Decision>(*answer)), stale});
  }

  // A doubt counts once: the answer to the second question is final.
  bool is_overtaken(const Question& question, const Decision& decision) const {
    return is_outdated(decision) || (decision.state == Decision::State::active && !question.asked_again &&
                                     cache.is_doubted(decision, question.asked));
  }

  bool is_outdated(const Decision& decision) const {
    const auto now_at = follower.position();
    return decision.state == Decision::State::active && now_at && decision.as_of < *now_at;
  }

  const Options options;
  asio::io_context io{1};
  asio::executor_work_guard<Executor> work;

  // Read by other threads.
  NearCache cache;
  std::atomic<std::int64_t> lease_end_ns{0};
  std::atomic<bool> trusted{false};
  std::atomic<bool> redis_connected{false};
  std::atomic<bool> feed_connected{false};
  std::atomic<std::uint64_t> hits{0}, questions{0}, repairs{0}, flushes{0}, invalidations{0};
  std::atomic<std::uint64_t> foreign_messages{0}, unsigned_messages{0}, unreadable_messages{0};
  // The engine's wall clock minus our monotonic clock; our own wall clock until the engine has sent its own.
  std::atomic<std::int64_t> engine_ahead_ms{engine::now_unix_ms() - to_ms(engine::BootClock::now())};
  std::mutex position_mutex;  // of shown_position and shown_journal
  std::optional<Position> shown_position;
  std::string shown_journal;

  // The gateway's thread only.
  Follower follower;
  EngineClient client;
  std::optional<RedisPublisher> publisher;
  std::optional<RedisSubscriber> subscriber;
  Timer ticker;
  RedisWatch redis_watch;
  LogThrottle log_throttle;
  RecentUnknowns unknowns;
  Epoch cache_epoch = 0;
  bool stopping = false;
  bool feed_runs = false;
  bool page_runs = false;
  Monotonic next_begin{};
  bool ack_wanted = false;
  Monotonic last_ack{};
  std::optional<Position> acknowledged;

  std::thread thread;
};

Gateway::Gateway(Options options, EventListener on_event)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(on_event))) {}

Gateway::~Gateway() = default;

std::optional<Gateway::Verdict> Gateway::check(const engine::Digest& digest) const {
  const auto now = engine::BootClock::now();
  const bool stale = impl_->is_stale(now);
  if (stale) {
    if (impl_->options.when_stale == WhenStale::deny) return Verdict{std::nullopt, true};
    if (impl_->options.when_stale == WhenStale::ask) return {};
  } else if (!impl_->trusted.load()) {
    return {};
  }
  auto decision = impl_->cache.find(digest, impl_->engine_time(now));
  if (!decision) return {};
  impl_->hits.fetch_add(1, std::memory_order_relaxed);
  return Verdict{std::move(decision), stale};
}

void Gateway::ask(const engine::Digest& digest, std::string_view secret, std::function<void(Verdict)> done,
                  std::string_view peer, std::shared_ptr<const std::atomic<bool>> left) {
  auto question = std::make_shared<Impl::Question>();
  question->digest = digest;
  question->secret = secret;
  question->done = std::move(done);
  question->asker = {peer_of(peer), std::move(left), {}};
  asio::dispatch(impl_->io, [impl = impl_.get(), question = std::move(question)] { impl->ask(question); });
}

Gateway::Status Gateway::status() const {
  Status status;
  const auto lease_end = impl_->lease_end_ns.load();
  const std::chrono::nanoseconds left{lease_end - to_ns(engine::BootClock::now())};
  status.coverage = left.count() <= 0       ? Coverage::stale
                    : impl_->trusted.load() ? Coverage::fresh
                                            : Coverage::repairing;
  status.when_stale = impl_->options.when_stale;
  {
    std::lock_guard lock(impl_->position_mutex);
    status.position = impl_->shown_position;
    status.journal = impl_->shown_journal;
  }
  status.since_heard =
      lease_end == 0
          ? std::chrono::milliseconds::max()
          : std::chrono::duration_cast<std::chrono::milliseconds>(impl_->options.follower.lease - left);
  status.redis_connected = impl_->redis_connected;
  status.feed_connected = impl_->feed_connected;
  status.cache = impl_->cache.size();
  status.hits = impl_->hits;
  status.questions = impl_->questions;
  status.repairs = impl_->repairs;
  status.flushes = impl_->flushes;
  status.invalidations = impl_->invalidations;
  status.foreign_messages = impl_->foreign_messages;
  status.unsigned_messages = impl_->unsigned_messages;
  status.unreadable_messages = impl_->unreadable_messages;
  return status;
}

}  // namespace revoked::cache
