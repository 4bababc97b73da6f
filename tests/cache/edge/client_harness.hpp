#pragma once
// An EngineClient on a loop of its own, for tests.

#include <boost/asio/executor_work_guard.hpp>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "cache/edge/engine_client.hpp"

namespace revoked::test {

inline constexpr std::string_view active_decision =
    R"({"active":true,"state":"active","key_id":"k1","as_of":"3-7"})";

class TestClient {
 public:
  using EngineClient = cache::EngineClient;
  using Answer = std::future<engine::result<cache::Decision>>;
  using PageAnswer = std::future<engine::result<EngineClient::PageAnswer>>;

  explicit TestClient(std::uint16_t engine_port,
                      const std::function<void(EngineClient::Options&)>& change = {});
  ~TestClient();

  // Runs `what` on the loop, and waits for its end.
  void run(const std::function<void()>& what);

  Answer ask(const std::string& secret, EngineClient::Asker asker = {});
  Answer ask(int secret) { return ask(std::to_string(secret)); }
  PageAnswer page(std::optional<cache::Position> after);

  EngineClient* operator->() { return &*client_; }

 private:
  cache::asio::io_context io_{1};
  cache::asio::executor_work_guard<cache::Executor> work_{io_.get_executor()};
  std::optional<EngineClient> client_;
  std::thread thread_;
};

}  // namespace revoked::test
