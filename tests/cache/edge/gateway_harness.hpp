#pragma once
// A gateway with short timeouts, and helpers for tests.

#include <future>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cache/edge/gateway.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::test {

class TestGateway {
 public:
  using Gateway = cache::Gateway;
  using State = cache::Decision::State;

  // For tests in which a lease ends, or has to be extended; the default is longer than any test takes.
  static constexpr std::chrono::milliseconds short_lease{sanitized ? 2000 : 600};

  static Gateway::Options options(std::uint16_t engine_port, std::chrono::milliseconds lease = 1min);

  explicit TestGateway(Gateway::Options options);
  ~TestGateway();

  Gateway* operator->() { return &gateway_; }

  static engine::Digest digest(const std::string& secret) { return engine::sha256(secret); }

  std::optional<Gateway::Verdict> check(const std::string& secret) { return gateway_.check(digest(secret)); }
  Gateway::Verdict ask(const std::string& secret);
  // Decides like the server.
  Gateway::Verdict decide(const std::string& secret);
  bool allows(const std::string& secret);
  bool is_cached(const std::string& secret);
  bool becomes(Gateway::Coverage coverage);
  bool reaches(engine::Position position);
  std::vector<std::string> events() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> events_;
  Gateway gateway_;
};

}  // namespace revoked::test
