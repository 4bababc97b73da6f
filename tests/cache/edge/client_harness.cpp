#include "tests/cache/edge/client_harness.hpp"

#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

namespace revoked::test {

TestClient::TestClient(std::uint16_t engine_port, const std::function<void(EngineClient::Options&)>& change) {
  EngineClient::Options options;
  options.addresses = {{"127.0.0.1", engine_port}};
  options.credential = "master";
  if (change) change(options);
  client_.emplace(io_, options);
  thread_ = std::thread([this] { io_.run(); });
}

TestClient::~TestClient() {
  run([&] { client_.reset(); });
  work_.reset();
  thread_.join();
}

void TestClient::run(const std::function<void()>& what) {
  std::promise<void> done;
  cache::asio::post(io_, [&] {
    what();
    done.set_value();
  });
  done.get_future().wait();
}

TestClient::Answer TestClient::ask(const std::string& secret, EngineClient::Asker asker) {
  auto promise = std::make_shared<std::promise<engine::result<cache::Decision>>>();
  client_->ask(
      engine::sha256(secret), secret,
      [promise](const engine::result<cache::Decision>& decision) { promise->set_value(decision); },
      std::move(asker));
  return promise->get_future();
}

TestClient::PageAnswer TestClient::page(std::optional<cache::Position> after) {
  auto promise = std::make_shared<std::promise<engine::result<EngineClient::PageAnswer>>>();
  run([&] {
    client_->read_page(after, {}, [promise](const engine::result<EngineClient::PageAnswer>& page) {
      promise->set_value(page);
    });
  });
  return promise->get_future();
}

}  // namespace revoked::test
