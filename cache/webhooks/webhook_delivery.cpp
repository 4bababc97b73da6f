#include "cache/webhooks/webhook_delivery.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <utility>

namespace revoked::cache {

WebhookDelivery::WebhookDelivery(asio::io_context& io, const engine::Engine& engine, Webhook hook,
                                 const std::string& position_file, const WebhookTimes& times,
                                 OnEvent on_event)
    : io_(io),
      engine_(engine),
      hook_(std::move(hook)),
      file_(position_file),
      times_(times),
      on_event_(std::move(on_event)),
      sender_(std::make_shared<WebhookSender>(io, hook_)),
      expiries_(engine, hook_),
      pause_(io) {}

void WebhookDelivery::start(engine::Sequence end) {
  choose_start(end);
  asio::co_spawn(io_.get_executor(), run(shared_from_this()), rethrow);
}

// A place of another journal, or behind the end of this one (a copy was restored), says nothing.
void WebhookDelivery::choose_start(engine::Sequence end) {
  const auto place = file_.load();
  const auto now = engine::now_unix_ms();
  if (place && engine_.can_continue(place->journal.position, end, place->journal.journal)) {
    position_ = read_ = saved_ = place->journal.position.sequence;
    saved_expiries_ = place->expiries;
    expiries_.begin(place->expiries, now);
    return;
  }
  expiries_.begin({}, now);
  if (place) on_event_(hook_, "begins at the end of the journal", "its position is of another journal");
  position_ = read_ = end;
  save();
}

void WebhookDelivery::stop() {
  if (std::exchange(stopped_, true)) return;
  pause_.cancel();
  sender_->stop();
  if (!is_saved()) save();
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
      const auto& waiting = self->waiting_.front();
      auto delivered = waiting.due ? deliver_due(self, *waiting.due) : deliver(self, waiting.message);
      if (!co_await std::move(delivered)) break;
      const auto sequence = self->waiting_.front().sequence;
      self->waiting_.pop_front();
      const bool has_more_of_it = !self->waiting_.empty() && self->waiting_.front().sequence == sequence;
      if (!has_more_of_it) self->reached(sequence);
      continue;
    }
    self->has_more_ = false;
    if (self->read_more()) continue;
    if (const auto due = self->expiries_.next()) {
      auto delivered = deliver_due(self, *due);
      if (!co_await std::move(delivered)) break;
      self->expiries_.told(*due);
      self->save_if_due();
      continue;
    }
    if (self->is_scan_due()) {
      auto scanned = scan(self);
      co_await std::move(scanned);
      continue;
    }
    self->save_if_due();
    self->is_idle_ = true;
    self->pause_.expires_after(self->times_.save_every);
    if (!self->has_more_) co_await self->pause_.async_wait(as_result);
    self->is_idle_ = false;
  }
}

// Tells of a key that expires, unless that is no longer so. False: it was stopped first.
Task<bool> WebhookDelivery::deliver_due(std::shared_ptr<WebhookDelivery> self, ExpiryTracker::Due due) {
  Backoff backoff(self->times_.first_pause, self->times_.longest_pause);
  for (bool is_first = true; !self->stopped_; is_first = false) {
    const auto key = self->expiries_.look_up(due, engine::now_unix_ms());
    if (key) {
      if (!*key) co_return true;
      auto delivered = deliver(self, expiry_message(self->engine_, expiry_events[due.kind], **key));
      co_return co_await std::move(delivered);
    }
    if (is_first) self->on_event_(self->hook_, "cannot read a key that expires", key.error().message());
    self->pause_.expires_after(backoff.next());
    co_await self->pause_.async_wait(as_result);
  }
  co_return false;
}

bool WebhookDelivery::is_scan_due() const {
  if (!expiries_.is_used()) return false;
  const auto now = Clock::now();
  const bool is_known = expiries_.has_more() || engine::now_unix_ms() >= expiries_.next_due();
  return now >= (is_known ? no_scan_before_ : next_scan_);
}

// In pieces: the other webhooks are on this thread, too.
Task<> WebhookDelivery::scan(std::shared_ptr<WebhookDelivery> self) {
  auto& expiries = self->expiries_;
  Clock::duration took{0};
  expiries.begin_scan(engine::now_unix_ms());
  for (bool has_more = true; has_more && !self->stopped_;) {
    const auto began = Clock::now();
    has_more = expiries.scan_piece();
    took += Clock::now() - began;
    self->pause_.expires_after(Clock::duration(0));
    co_await self->pause_.async_wait(as_result);
  }
  const auto applied = self->engine_.applied();
  while (!self->stopped_ && self->engine_.durable() < applied) {
    self->pause_.expires_after(std::chrono::milliseconds(5));
    co_await self->pause_.async_wait(as_result);
  }
  if (self->stopped_) co_return;
  expiries.end_scan(applied);
  const auto now = Clock::now();
  const Clock::duration pause = took * WebhookTimes::scan_share;
  self->next_scan_ = now + std::max<Clock::duration>(self->times_.scan_every, pause);
  self->no_scan_before_ =
      expiries.has_more() ? now : now + std::max<Clock::duration>(self->times_.scan_soonest, pause);
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

Task<WebhookSender::Result> WebhookDelivery::send(std::shared_ptr<WebhookDelivery> self,
                                                  std::shared_ptr<const WebhookMessage> message,
                                                  std::chrono::milliseconds timeout) {
  const auto request = std::make_shared<const std::string>(
      webhook_request(self->hook_, message->id, engine::now_unix_ms() / 1000, message->body));
  co_return co_await WebhookSender::send(self->sender_, request, timeout);
}

// Reads the next events for this hook, and passes over others. False: there are none.
bool WebhookDelivery::read_more() {
  const auto before = read_;
  bool is_full = false;
  const auto read = engine_.read_journal(read_, [&](const engine::BatchView& batch) {
    batch.for_each([&](engine::Sequence sequence, const engine::EventView& view) {
      if (is_full || sequence <= read_) return;
      read_ = sequence;
      expiries_.see(sequence, view, [&](const ExpiryTracker::Due& due) {
        waiting_.push_back({sequence, {}, due});
      });
      for (std::size_t event = 0; event < webhook_events.size(); ++event) {
        if (hook_.events.test(event) && is_told_as(event, view))
          waiting_.push_back({sequence, webhook_message(engine_, sequence, event, view), {}});
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

bool WebhookDelivery::is_saved() const {
  return position_ == saved_ && expiries_.marks(position_) == saved_expiries_;
}

void WebhookDelivery::save_if_due() {
  if (!is_saved() && Clock::now() >= saved_at_ + times_.save_every) save();
}

void WebhookDelivery::save() {
  const auto position = engine_.position_of(position_);
  saved_at_ = Clock::now();
  const WebhookPosition::Place place{{position, std::string(engine_.journal_id_of(position.epoch))},
                                     expiries_.marks(position_)};
  if (file_.save(place)) {
    saved_ = position_;
    saved_expiries_ = place.expiries;
  } else {
    on_event_(hook_, "cannot save its position", "it may be told again what it was told");
  }
}

}  // namespace revoked::cache
