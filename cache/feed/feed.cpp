#include "cache/feed/feed.hpp"

#include <algorithm>

namespace revoked::cache {

namespace {

// Limits of a reading: one message always fits.
class Filling {
 public:
  explicit Filling(std::size_t max_events) : max_events_(max_events) {}
  bool takes(Sequence first, Sequence last, std::size_t bytes) {
    if (bytes_ != 0 && (events_ >= max_events_ || bytes_ + bytes > engine::max_page_bytes)) return false;
    events_ += last - first + 1;
    bytes_ += bytes;
    return true;
  }

 private:
  const std::size_t max_events_;
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

void Feed::add_outlet(Outlet outlet) {
  const engine::MutexLock lock(mutex_);
  outlets_.push_back(std::move(outlet));
}

void Feed::add_watcher(Watcher watcher) {
  const engine::MutexLock lock(mutex_);
  watchers_.push_back(std::move(watcher));
}

void Feed::on_batch(const engine::BatchView& batch) {
  if (batch.epoch() != place().position.epoch) begin_epoch(batch);
  auto messages = encode_messages(batch, stamp(place().journal));
  const engine::MutexLock lock(mutex_);
  const auto began = engine::BootClock::now();
  for (auto& [first, last, text] : messages) {
    const auto message = std::make_shared<const std::string>(std::move(text));
    published_.position = {batch.epoch(), last};
    kept_.push_back({batch.epoch(), first, last, message});
    kept_bytes_ += message->size();
    messages_.add();
    if (is_leading())
      for (const auto& outlet : outlets_) outlet(message);
  }
  // After they were published: a heartbeat without them was made with this lock held before.
  if (standing_ == nullptr)
    times_.note(batch.last(), began, engine::BootClock::now());
  else
    not_durable_.emplace_back(batch.last(), began);
  while (kept_bytes_ > max_kept_bytes && kept_.size() > 1) {
    kept_bytes_ -= kept_.front().message->size();
    kept_.pop_front();
  }
  for (const auto& watcher : watchers_) watcher();
}

void Feed::on_durable(Sequence durable) {
  const engine::MutexLock lock(mutex_);
  for (; !not_durable_.empty() && not_durable_.front().first <= durable; not_durable_.pop_front())
    times_.note(not_durable_.front().first, not_durable_.front().second, engine::BootClock::now());
}

void Feed::begin_epoch(const engine::BatchView& batch) {
  std::string journal;
  batch.for_each([&journal](Sequence, const engine::EventView& event) {
    if (event.type == engine::EventType::epoch_started) journal = event[engine::Field::journal];
  });
  const engine::MutexLock lock(mutex_);
  published_.journal = std::move(journal);
}

void Feed::begin_at(Place place) {
  const engine::MutexLock lock(mutex_);
  published_ = std::move(place);
}

Stamp Feed::stamp(std::string_view journal) const {
  const auto now = engine::BootClock::now();
  return stamp_at(journal, standing_ == nullptr ? now : std::min(now, standing_->valid_until()));
}

// The bus has one sender.
bool Feed::is_leading() const { return standing_ == nullptr || standing_->may_acknowledge(); }

Feed::Place Feed::place() const {
  const engine::MutexLock lock(mutex_);
  return published_;
}

PublishedPosition Feed::find(Position position, std::string_view journal) const {
  const engine::MutexLock lock(mutex_);
  const bool is_ours = position.epoch == published_.position.epoch &&
                       position.sequence <= published_.position.sequence &&
                       (journal.empty() || journal == published_.journal);
  return {is_ours, is_ours ? times_.find(position.sequence) : std::nullopt};
}

std::optional<ReachedTimes::Span> Feed::published_at(Sequence sequence) const {
  const engine::MutexLock lock(mutex_);
  return times_.find(sequence);
}

std::optional<ReachedTimes::Time> Feed::published_before_by() const {
  const engine::MutexLock lock(mutex_);
  const auto first = times_.first();
  return first ? std::optional(first->latest) : std::nullopt;
}

void Feed::send_heartbeat(std::optional<std::uint64_t> report_ms) {
  const engine::MutexLock lock(mutex_);
  const auto at = published_.position;
  heartbeats_.add();
  if (at == Position{} || !is_leading()) return;
  auto now = stamp(published_.journal);
  now.report_ms = report_ms;
  const auto message = std::make_shared<const std::string>(encode_heartbeat(at.epoch, at.sequence, now));
  for (const auto& outlet : outlets_) outlet(message);
}

std::optional<Feed::Reading> Feed::read_newest(const engine::Engine& engine, Position after,
                                               std::string_view journal, std::size_t max_events) const {
  Reading reading;
  reading.published = place();
  reading.position = reading.published.position;
  reading.gone = !engine.can_continue(after, reading.position.sequence, journal);
  if (reading.gone || read_kept(after.sequence, max_events, reading)) return reading;
  return {};
}

engine::result<Feed::Reading> Feed::read(const engine::Engine& engine, Position after,
                                         std::string_view journal, std::size_t max_events) const {
  if (auto newest = read_newest(engine, after, journal, max_events)) return std::move(*newest);
  Reading reading;
  reading.published = place();
  const auto newest = reading.published.position;
  reading.position = after;
  Filling filling(max_events);
  const auto read = engine.read_journal(after.sequence, [&](const engine::BatchView& batch) {
    UnixMs at = 0;
    batch.for_each([&](Sequence, const engine::EventView& event) { at = event.at; });
    const Stamp stamp{engine.journal_id_of(batch.epoch()), at, {}, {}};
    for (auto& [first, last, text] : encode_messages(batch, stamp)) {
      if (last <= after.sequence) continue;
      if (!filling.takes(first, last, text.size())) return false;
      reading.position = {batch.epoch(), last};
      reading.items.push_back({reading.position, std::make_shared<const std::string>(std::move(text))});
    }
    return true;
  });
  if (!read) return read.error();
  reading.more = reading.position < newest;
  return reading;
}

bool Feed::read_kept(Sequence after, std::size_t max_events, Reading& reading) const {
  const engine::MutexLock lock(mutex_);
  reading.position = published_.position;
  if (after >= reading.position.sequence) return true;
  if (kept_.empty() || after + 1 < kept_.front().first) return false;
  auto at = std::lower_bound(kept_.begin(), kept_.end(), after + 1,
                             [](const Kept& kept, Sequence sequence) { return kept.last < sequence; });
  Filling filling(max_events);
  for (; at != kept_.end() && filling.takes(at->first, at->last, at->message->size()); ++at)
    reading.items.push_back({{at->epoch, at->last}, at->message});
  reading.position = reading.items.back().position;
  reading.more = at != kept_.end();
  return true;
}

}  // namespace revoked::cache
