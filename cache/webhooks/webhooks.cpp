#include "cache/webhooks/webhooks.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "engine/base/digest.hpp"
#include "engine/base/this_thread.hpp"

namespace revoked::cache {
namespace {

constexpr std::chrono::seconds look_period{1};  // at the gateways
constexpr std::chrono::seconds drain_time{1};

std::string file_name_of(const Webhook& hook) {
  return engine::to_hex(engine::sha256(hook.url)).substr(0, 16);
}

}  // namespace

struct Webhooks::Impl {
  Impl(const engine::Engine& engine_, std::shared_ptr<const GatewayRegistry> gateways_, Options options,
       const OnEvent& on_event)
      : engine(engine_), gateways(std::move(gateways_)), work(io.get_executor()), ticker(io) {
    prepare(options);
    for (auto& hook : options.hooks) {
      const auto file = options.directory + "/" + file_name_of(hook);
      deliveries.push_back(
          std::make_shared<WebhookDelivery>(io, engine, std::move(hook), file, options.times, on_event));
    }
    watches_gateways = std::ranges::any_of(
        deliveries, [](const auto& each) { return each->hook().events.test(gateway_stale_event); });
  }

  // The file of a hook that is no longer configured is removed: if it is again, it begins anew.
  static void prepare(const Options& options) {
    std::filesystem::create_directories(options.directory);
    std::set<std::string> known;
    for (const auto& hook : options.hooks) known.insert(file_name_of(hook));
    for (const auto& entry : std::filesystem::directory_iterator(options.directory)) {
      if (!known.contains(entry.path().filename().string())) std::filesystem::remove(entry.path());
    }
  }

  void run() {
    engine::set_up_this_thread("webhooks", engine::Urgency::gathering);
    io.run();
    io.restart();
    io.run_for(drain_time);
  }

  void begin(engine::Sequence end) {
    for (const auto& each : deliveries) each->start(end);
    if (watches_gateways) look_at_gateways();
  }

  void wake_all() {
    is_woken = false;
    for (const auto& each : deliveries) each->wake();
  }

  void look_at_gateways() {
    for (const auto& gateway : gateways->all(engine::BootClock::now())) {
      const bool is_stale = gateway.is_gone || gateway.report.coverage == Coverage::stale;
      const auto [known, is_new] = was_stale.try_emplace(gateway.report.gateway, is_stale);
      // One that is stale when it is first seen has just started.
      if (is_new ? gateway.is_gone : is_stale && !known->second) {
        for (const auto& each : deliveries) {
          if (each->hook().events.test(gateway_stale_event)) each->add(gateway_stale_message(gateway));
        }
      }
      known->second = is_stale;
    }
    if (was_stale.size() > GatewayRegistry::max_gateways) was_stale.clear();
    ticker.expires_after(look_period);
    ticker.async_wait([this](error_code error) {
      if (!error && !stopped) look_at_gateways();
    });
  }

  void stop() {
    stopped = true;
    ticker.cancel();
    for (const auto& each : deliveries) each->stop();
    if (tested) std::exchange(tested, nullptr)({});
    work.reset();
    io.stop();  // run() continues for drain_time
  }

  void test(OnTested done) {
    if (stopped || tested) return done({});
    tested = std::move(done);
    results.assign(deliveries.size(), Tested{{}, engine::errc::not_ready, {}});
    untested = deliveries.size();
    for (std::size_t i = 0; i < deliveries.size(); ++i)
      asio::co_spawn(io.get_executor(), test_one(*this, i), rethrow);
    if (deliveries.empty()) std::exchange(tested, nullptr)(std::move(results));
  }

  // `self` lives until run() ends.
  static Task<> test_one(Impl& self, std::size_t i) {
    const auto delivery = self.deliveries[i];
    const auto from = std::chrono::steady_clock::now();
    const auto message = std::make_shared<const WebhookMessage>(test_message());
    const auto result = co_await WebhookDelivery::send(delivery, message, delivery->times().test_timeout);
    const auto after = std::chrono::steady_clock::now() - from;
    self.results[i] = {delivery->hook().origin(), result,
                       std::chrono::duration_cast<std::chrono::milliseconds>(after)};
    if (--self.untested == 0 && self.tested) std::exchange(self.tested, nullptr)(std::move(self.results));
  }

  const engine::Engine& engine;
  const std::shared_ptr<const GatewayRegistry> gateways;
  asio::io_context io{1};
  asio::executor_work_guard<Executor> work;
  std::vector<std::shared_ptr<WebhookDelivery>> deliveries;
  std::atomic<bool> is_woken{false};  // wake_all() is posted

  // The thread only.
  Timer ticker;
  std::map<std::string, bool> was_stale;
  bool watches_gateways = false;
  bool stopped = false;
  OnTested tested;  // null: no test is under way
  std::vector<Tested> results;
  std::size_t untested = 0;

  std::thread thread;
};

Webhooks::Webhooks(const engine::Engine& engine, std::shared_ptr<const GatewayRegistry> gateways,
                   Options options, const OnEvent& on_event)
    : impl_(std::make_shared<Impl>(engine, std::move(gateways), std::move(options), on_event)) {}

Webhooks::~Webhooks() {
  if (!impl_->thread.joinable()) return;
  asio::post(impl_->io, [impl = impl_.get()] { impl->stop(); });
  impl_->thread.join();
}

void Webhooks::start() {
  // Now, not when the thread runs: what follows must not be missed.
  asio::post(impl_->io, [impl = impl_.get(), end = impl_->engine.durable()] { impl->begin(end); });
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void Webhooks::on_durable(engine::Sequence) {
  if (!impl_->is_woken.exchange(true)) asio::post(impl_->io, [impl = impl_.get()] { impl->wake_all(); });
}

void Webhooks::test(OnTested done) {
  asio::post(impl_->io,
             [impl = impl_.get(), done = std::move(done)]() mutable { impl->test(std::move(done)); });
}

}  // namespace revoked::cache
