#include "cache/library/open_gateway.hpp"

#include <unistd.h>

#include <thread>
#include <utility>

#include "cache/library/blocked_signals.hpp"

namespace revoked::library {

using cache::Gateway;

OpenGateway::OpenGateway(Gateway::Options options, Listener listener) {
  options.on_failure = [this] { fail(); };
  const BlockedSignals blocked;
  gateway_ = std::make_unique<Gateway>(
      std::move(options),
      [this, listener = std::move(listener)](std::string_view source, std::string_view what) {
        on_event(source, what, listener);
      });
}

OpenGateway::~OpenGateway() {
  if (sockets_) sockets_->stop();
}

// Nothing is followed any more.
void OpenGateway::fail() {
  has_failed_.store(true);
  const engine::MutexLock lock(mutex_);
  if (sockets_) sockets_->end_all();
}

void OpenGateway::on_event(std::string_view source, std::string_view what, const Listener& listener) {
  const bool is_good = source == "coverage" || source == "follower" || what.starts_with("connected") ||
                       what.starts_with("accepted");
  if (!is_good) {
    auto text = std::string(source) + ": " + std::string(what);
    const engine::MutexLock lock(mutex_);
    last_error_ = std::move(text);
  }
  if (listener) listener(source, what);
}

std::string OpenGateway::last_error() const {
  const engine::MutexLock lock(mutex_);
  return last_error_;
}

void OpenGateway::wait_until_current(Deadline deadline) const {
  constexpr auto look_every = std::chrono::milliseconds(2);
  while (gateway_->status().coverage != Gateway::Coverage::fresh && !has_failed() &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(look_every);
}

std::optional<OpenGateway::Verdict> OpenGateway::check(const Presented& presented) const {
  if (has_failed()) [[unlikely]]
    return Verdict{};
  return gateway_->check(presented.digest);
}

void OpenGateway::note(const Verdict& verdict, const Presented& presented) {
  if (verdict.decision) gateway_->note_denied(*verdict.decision, presented.client, {});
}

// ---- calls that wait

bool OpenGateway::begin() {
  const engine::MutexLock lock(mutex_);
  if (!is_closing_) ++calls_;
  return !is_closing_;
}

void OpenGateway::end() {
  const engine::MutexLock lock(mutex_);
  if (--calls_ == 0) all_ended_.notify_all();
}

void OpenGateway::close() {
  engine::MutexLock lock(mutex_);
  is_closing_ = true;
  for (auto* const each : waiting_) each->notify_all();
  all_ended_.wait(lock, [this]() REVOKED_REQUIRES(mutex_) { return calls_ == 0; });
}

template <class T>
void OpenGateway::answer(Awaited<T>& awaited, T value) {
  const engine::MutexLock lock(mutex_);
  awaited.value = std::move(value);
  awaited.arrived.notify_all();
}

template <class T>
std::optional<T> OpenGateway::wait_for(Awaited<T>& awaited, Deadline deadline) {
  engine::MutexLock lock(mutex_);
  const auto place = waiting_.insert(waiting_.end(), &awaited.arrived);
  awaited.arrived.wait_for(lock, deadline - std::chrono::steady_clock::now(), [&]() REVOKED_REQUIRES(mutex_) {
    return awaited.value.has_value() || is_closing_;
  });
  waiting_.erase(place);
  return std::exchange(awaited.value, std::nullopt);
}

OpenGateway::Verdict OpenGateway::ask(const Presented& presented, Deadline deadline) {
  const auto awaited = std::make_shared<Awaited<Verdict>>();
  const auto left = std::make_shared<std::atomic<bool>>(false);
  gateway_->ask(
      presented.digest, presented.secret,
      [this, awaited](Verdict verdict) { answer(*awaited, std::move(verdict)); }, presented.client, left);
  auto verdict = wait_for(*awaited, deadline);
  left->store(true);
  return verdict ? std::move(*verdict) : Verdict{};
}

// ---- watches

WatchSockets& OpenGateway::watch_sockets() {
  const engine::MutexLock lock(mutex_);
  if (!sockets_) sockets_ = std::make_unique<WatchSockets>(*gateway_, [this] { has_failed_.store(true); });
  return *sockets_;
}

OpenGateway::Watch OpenGateway::watch(const Presented& presented, Deadline deadline) {
  const auto awaited = std::make_shared<Awaited<Gateway::WatchStart>>();
  const int descriptor = watch_sockets().open(
      presented.digest, presented.secret, presented.client,
      [this, awaited](const Gateway::WatchStart& started) { answer(*awaited, started); });
  const auto started = wait_for(*awaited, deadline);
  if (started && started->is_held) return {descriptor, {}};
  ::close(descriptor);
  return {-1, started ? started->verdict : Verdict{}};
}

}  // namespace revoked::library
