#include "cache/webhooks/webhook_delivery.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <utility>

namespace revoked::cache {

using engine::errc;

namespace {

std::shared_ptr<HttpOrigin> origin_of(asio::io_context& io, const Webhook& hook) {
  std::shared_ptr<TlsClient> tls;
  if (hook.is_encrypted)
    tls = std::make_shared<TlsClient>(
        TlsClientOptions{.ca_file = hook.ca_file, .certificate_file = {}, .key_file = {}});
  return std::make_shared<HttpOrigin>(io, hook.host, hook.port, std::move(tls));
}

}  // namespace

WebhookDelivery::WebhookDelivery(asio::io_context& io, const engine::Engine& engine, Webhook hook,
                                 const std::string& position_file, const WebhookTimes& times,
                                 OnEvent on_event)
    : io_(io),
      engine_(engine),
      hook_(std::move(hook)),
      file_(position_file),
      times_(times),
      on_event_(std::move(on_event)),
      origin_(origin_of(io, hook_)),
      pause_(io) {}

void WebhookDelivery::start(engine::Sequence end) {
  choose_start(end);
  asio::co_spawn(io_.get_executor(), run(shared_from_this()), rethrow);
}

// A place of another journal, or behind the end of this one (a copy was restored), says nothing.
void WebhookDelivery::choose_start(engine::Sequence end) {
  const auto place = file_.load();
  if (place && engine_.can_continue(place->position, end, place->journal)) {
    position_ = read_ = saved_ = place->position.sequence;
    return;
  }
  if (place) on_event_(hook_, "begins at the end of the journal", "its position is of another journal");
  position_ = read_ = end;
  save();
}

void WebhookDelivery::stop() {
  if (std::exchange(stopped_, true)) return;
  pause_.cancel();
  for (const auto& connection : connections_) connection->close();
  if (position_ != saved_) save();
}

void WebhookDelivery::wake() {
  has_more_ = true;
  if (is_idle_) pause_.cancel();
}

void WebhookDelivery::add(WebhookMessage message) {
  if (other_.size() == max_other) {
    other_.pop_front();
    on_event_(hook_, "drops an event of a gateway", "too many wait");
  }
  other_.push_back(std::move(message));
  wake();
}

Task<> WebhookDelivery::run(std::shared_ptr<WebhookDelivery> self) {
  while (!self->stopped_) {
    if (!self->other_.empty()) {
      auto message = std::move(self->other_.front());
      self->other_.pop_front();
      auto delivered = deliver(self, std::move(message));
      co_await std::move(delivered);
      continue;
    }
    if (!self->waiting_.empty()) {
      auto delivered = deliver(self, self->waiting_.front().message);
      if (!co_await std::move(delivered)) break;
      const auto sequence = self->waiting_.front().sequence;
      self->waiting_.pop_front();
      const bool has_more_of_it = !self->waiting_.empty() && self->waiting_.front().sequence == sequence;
      if (!has_more_of_it) self->reached(sequence);
      continue;
    }
    self->has_more_ = false;
    if (self->read_more()) continue;
    self->save_if_due();
    self->is_idle_ = true;
    self->pause_.expires_after(self->times_.save_every);
    if (!self->has_more_) co_await self->pause_.async_wait(as_result);
    self->is_idle_ = false;
  }
}

// False: it was stopped first.
Task<bool> WebhookDelivery::deliver(std::shared_ptr<WebhookDelivery> self, WebhookMessage message) {
  const auto shared = std::make_shared<const WebhookMessage>(std::move(message));
  Backoff backoff(self->times_.first_pause, self->times_.longest_pause);
  for (std::uint64_t attempt = 1; !self->stopped_; ++attempt) {
    const auto result = co_await send(self, shared, self->times_.timeout);
    if (self->stopped_) break;
    if (result && *result / 100 == 2) {
      if (attempt > 1)
        self->on_event_(self->hook_, "is delivered to again", "attempts: " + std::to_string(attempt));
      co_return true;
    }
    if (attempt == 1)
      self->on_event_(self->hook_, "fails",
                      result ? "status " + std::to_string(*result) : result.error().message());
    self->save_if_due();
    self->pause_.expires_after(backoff.next());
    co_await self->pause_.async_wait(as_result);
  }
  co_return false;
}

Task<WebhookDelivery::Result> WebhookDelivery::send(std::shared_ptr<WebhookDelivery> self,
                                                    std::shared_ptr<const WebhookMessage> message,
                                                    std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const auto request = std::make_shared<const std::string>(
      webhook_request(self->hook_, message->id, engine::now_unix_ms() / 1000, message->body));
  const auto connection = std::make_shared<HttpConnection>(self->io_);
  self->connections_.push_back(connection);
  Result result = errc::unavailable;
  const auto connected = co_await HttpConnection::connect(connection, self->origin_, deadline);
  if (connected.has_error()) {
    result = connected.error();
  } else {
    // The head alone: the body, of whatever size, is nothing to us.
    const auto answer = co_await HttpConnection::open_stream(connection, request, deadline);
    if (answer.has_error())
      result = answer.error();
    else
      result = (*answer)->get().result_int();
  }
  connection->close();
  std::erase(self->connections_, connection);
  co_return result;
}

// Reads the next events for this hook, and passes over others. False: there are none.
bool WebhookDelivery::read_more() {
  const auto before = read_;
  bool is_full = false;
  const auto read = engine_.read_journal(read_, [&](const engine::BatchView& batch) {
    batch.for_each([&](engine::Sequence sequence, const engine::EventView& view) {
      if (is_full || sequence <= read_) return;
      read_ = sequence;
      for (std::size_t event = 0; event < webhook_events.size(); ++event) {
        if (hook_.events.test(event) && is_told_as(event, view))
          waiting_.push_back({sequence, webhook_message(engine_, sequence, event, view)});
      }
      is_full = waiting_.size() >= max_read_together;
    });
    return !is_full && read_ - before < max_look_at;
  });
  if (!read) on_event_(hook_, "cannot read the journal", read.error().message());
  if (waiting_.empty()) position_ = read_;
  return read_ != before;
}

void WebhookDelivery::reached(engine::Sequence sequence) {
  position_ = sequence;
  save_if_due();
}

void WebhookDelivery::save_if_due() {
  if (position_ != saved_ && Clock::now() >= saved_at_ + times_.save_every) save();
}

void WebhookDelivery::save() {
  const auto position = engine_.position_of(position_);
  saved_at_ = Clock::now();
  if (file_.save({position, std::string(engine_.journal_id_of(position.epoch))}))
    saved_ = position_;
  else
    on_event_(hook_, "cannot save its position", "it may be told again what it was told");
}

}  // namespace revoked::cache
