#include "tests/cache/edge/gateway_harness.hpp"

namespace revoked::test {

TestGateway::Gateway::Options TestGateway::options(std::uint16_t engine_port,
                                                   std::chrono::milliseconds lease) {
  Gateway::Options options;
  options.engine.addresses = {{"127.0.0.1", engine_port}};
  options.engine.credential = "key";
  options.follower.lease = lease;
  options.follower.repair_timeout = 300ms;
  options.redis_silence = 500ms;
  options.name = "edge-1";
  return options;
}

TestGateway::TestGateway(Gateway::Options options)
    : gateway_(std::move(options), [this](std::string_view source, std::string_view what) {
        std::lock_guard lock(mutex_);
        events_.push_back(std::string(source) + ": " + std::string(what));
      }) {}

TestGateway::Gateway::Verdict TestGateway::ask(const std::string& secret) {
  std::promise<Gateway::Verdict> promise;
  auto future = promise.get_future();
  gateway_.ask(digest(secret), secret,
               [&](Gateway::Verdict verdict) { promise.set_value(std::move(verdict)); });
  return future.get();
}

TestGateway::Gateway::Verdict TestGateway::decide(const std::string& secret) {
  if (auto verdict = check(secret)) return *verdict;
  return ask(secret);
}

bool TestGateway::allows(const std::string& secret) {
  const auto verdict = decide(secret);
  return verdict.decision && verdict.decision->state == State::active;
}

bool TestGateway::is_cached(const std::string& secret) {
  const auto verdict = check(secret);
  return verdict && verdict->decision;
}

bool TestGateway::becomes(Gateway::Coverage coverage) {
  return eventually([&] { return gateway_.status().coverage == coverage; });
}

bool TestGateway::reaches(engine::Position position) {
  return eventually([&] { return gateway_.status().position == position; });
}

std::vector<std::string> TestGateway::events() const {
  std::lock_guard lock(mutex_);
  return events_;
}

TestGateway::~TestGateway() = default;

}  // namespace revoked::test
