#pragma once
// A gateway with short times, and what tests ask of it.

#include <future>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cache/gateway.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::test {

class TestGateway {
 public:
  using Gateway = cache::Gateway;
  using State = cache::Decision::State;

  static Gateway::Options options(std::uint16_t engine_port) {
    Gateway::Options options;
    options.engine.address = {"127.0.0.1", engine_port};
    options.engine.credential = "key";
    options.follower.lease = 600ms;
    options.follower.repair_timeout = 300ms;
    options.redis_silence = 500ms;
    options.name = "edge-1";
    return options;
  }

  explicit TestGateway(Gateway::Options options)
      : gateway_(std::move(options), [this](std::string_view source, std::string_view what) {
          std::lock_guard lock(mutex_);
          events_.push_back(std::string(source) + ": " + std::string(what));
        }) {}

  Gateway* operator->() { return &gateway_; }

  static engine::Digest digest(const std::string& secret) { return engine::sha256(secret); }

  std::optional<Gateway::Verdict> check(const std::string& secret) { return gateway_.check(digest(secret)); }
  Gateway::Verdict ask(const std::string& secret) {
    std::promise<Gateway::Verdict> promise;
    auto future = promise.get_future();
    gateway_.ask(digest(secret), secret,
                 [&](Gateway::Verdict verdict) { promise.set_value(std::move(verdict)); });
    return future.get();
  }
  // As a server does it.
  Gateway::Verdict decide(const std::string& secret) {
    if (auto verdict = check(secret)) return *verdict;
    return ask(secret);
  }
  bool allows(const std::string& secret) {
    const auto verdict = decide(secret);
    return verdict.decision && verdict.decision->state == State::active;
  }
  bool is_cached(const std::string& secret) {
    const auto verdict = check(secret);
    return verdict && verdict->decision;
  }
  bool becomes(Gateway::Coverage coverage) {
    return eventually([&] { return gateway_.status().coverage == coverage; });
  }
  bool reaches(engine::Position position) {
    return eventually([&] { return gateway_.status().position == position; });
  }
  std::vector<std::string> events() const {
    std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> events_;
  Gateway gateway_;
};

}  // namespace revoked::test
