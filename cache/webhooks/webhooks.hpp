#pragma once
// Delivers what happens to webhooks, each on its own: one that fails or does not answer delays no other, and
// nothing else. On a thread of its own, which also reads the journal.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cache/webhooks/webhook_delivery.hpp"

namespace revoked::cache {

class Webhooks final : public engine::CommitListener {
 public:
  struct Options {
    std::vector<Webhook> hooks;
    std::string directory;  // of their positions; created if it is absent
    WebhookTimes times{};
  };
  using OnEvent = WebhookDelivery::OnEvent;  // on the thread of this

  // Throws std::runtime_error if the directory cannot be used. The engine and the registry outlive this.
  Webhooks(const engine::Engine& engine, std::shared_ptr<const GatewayRegistry> gateways, Options options,
           const OnEvent& on_event);
  ~Webhooks() override;  // stops; the engine has stopped before

  // Once the engine has started.
  void start();

  void on_durable(engine::Sequence durable) override;

  struct Tested {
    std::string origin;
    WebhookSender::Result result;
    std::chrono::milliseconds after{0};
  };
  // From any thread: sends a test event to each, once. `done` gets the results, in the order of the hooks, on
  // the thread of this; nothing if another test is under way.
  using OnTested = std::function<void(std::optional<std::vector<Tested>>)>;
  void test(OnTested done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace revoked::cache
