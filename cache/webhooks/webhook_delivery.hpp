#pragma once
// Delivers events to one webhook: in the journal's order, each until it is answered with a 2xx, with growing
// pauses in between. Holds at most a few events: the rest is read from the journal when it is their turn.
// Keys that expire are told of in between, when nothing of the journal waits.
//
// One thread, that of the io_context. Held by shared_ptr: its coroutine keeps it until it ends.

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cache/webhooks/expiry_tracker.hpp"
#include "cache/webhooks/webhook.hpp"
#include "cache/webhooks/webhook_position.hpp"
#include "cache/webhooks/webhook_sender.hpp"
#include "cache/wire/asio.hpp"
#include "cache/wire/backoff.hpp"
#include "engine/engine.hpp"

namespace revoked::cache {

struct WebhookTimes {
  std::chrono::milliseconds timeout{10'000};  // of one attempt
  std::chrono::milliseconds test_timeout{
      4'000};  // less than a server takes to drain: it waits for the answer
  std::chrono::milliseconds first_pause{500};
  std::chrono::milliseconds longest_pause{300'000};
  std::chrono::milliseconds save_every{1'000};
  // A pause between two scans for keys that expire, sooner if it is known that one is due; also this many
  // times as long as the scan took, which is half a per cent of a processor.
  std::chrono::milliseconds scan_every{10'000};
  std::chrono::milliseconds scan_soonest{1'000};
  static constexpr int scan_share = 200;
};

class WebhookDelivery : public std::enable_shared_from_this<WebhookDelivery> {
 public:
  // About one hook, for the log.
  using OnEvent = std::function<void(const Webhook& hook, std::string_view what, std::string_view detail)>;

  WebhookDelivery(asio::io_context& io, const engine::Engine& engine, Webhook hook,
                  const std::string& position_file, const WebhookTimes& times, OnEvent on_event);

  // Continues where it was; without a place in this journal at `end`, the end of the journal.
  void start(engine::Sequence end);
  void stop();  // saves the position
  // There may be more in the journal.
  void wake();

  const Webhook& hook() const { return hook_; }

  // An event that is not in the journal. Of those that wait, the oldest is dropped at the limit, and all are
  // lost at a stop.
  static constexpr std::size_t max_other = 1'000;
  void add(WebhookMessage message);

  // One attempt.
  static Task<WebhookSender::Result> send(std::shared_ptr<WebhookDelivery> self,
                                          std::shared_ptr<const WebhookMessage> message,
                                          std::chrono::milliseconds timeout);
  const WebhookTimes& times() const { return times_; }

 private:
  static constexpr std::size_t max_read_together = 64;
  static constexpr engine::Sequence max_look_at = 50'000;

  // An event of the journal; or a key that expires, of which it tells (then without a message).
  struct Waiting {
    engine::Sequence sequence;
    WebhookMessage message;
    std::optional<ExpiryTracker::Due> due{};
  };
  using Clock = std::chrono::steady_clock;

  static Task<> run(std::shared_ptr<WebhookDelivery> self);
  static Task<bool> deliver(std::shared_ptr<WebhookDelivery> self, WebhookMessage message);
  static Task<bool> deliver_due(std::shared_ptr<WebhookDelivery> self, ExpiryTracker::Due due);
  static Task<> scan(std::shared_ptr<WebhookDelivery> self);
  void choose_start(engine::Sequence end);
  bool read_more();
  bool is_scan_due() const;
  void reached(engine::Sequence sequence);
  bool is_saved() const;
  void save_if_due();
  void save();

  asio::io_context& io_;
  const engine::Engine& engine_;
  const Webhook hook_;
  const WebhookPosition file_;
  const WebhookTimes times_;
  const OnEvent on_event_;
  const WebhookSender::Pointer sender_;

  std::deque<Waiting> waiting_;
  std::deque<WebhookMessage> other_;
  ExpiryTracker expiries_;
  Clock::time_point next_scan_{};
  Clock::time_point no_scan_before_{};
  engine::Sequence position_ = 0;  // all before has been delivered
  engine::Sequence read_ = 0;      // all before has been delivered or waits
  engine::Sequence saved_ = 0;
  ExpiryMarks saved_expiries_;
  Clock::time_point saved_at_{};
  Timer pause_;
  bool is_idle_ = false;
  bool has_more_ = false;
  bool stopped_ = false;
};

}  // namespace revoked::cache
