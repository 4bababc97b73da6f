#include "engine/journal/journal.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/this_thread.hpp"

namespace revoked::engine {

Journal::Journal(Log& log, Epoch epoch, Sequence last, std::function<void()> on_failure)
    : log_(log),
      epoch_(epoch),
      on_failure_(std::move(on_failure)),
      last_(last),
      last_epoch_(epoch),
      closed_through_(last),
      published_through_(last),
      applied_(last),
      durable_(last) {}

Journal::~Journal() { stop(); }

void Journal::lead() {
  leads_.store(true, std::memory_order_release);
  publisher_ = std::thread([this] { publish(); });
  writer_ = std::thread([this] { write(); });
}

void Journal::follow(const BatchView& batch) {
  {
    const MutexLock lock(mutex_);
    last_ = closed_through_ = published_through_ = batch.last();
    last_epoch_ = batch.epoch();
    show_applied();
  }
  {
    const MutexLock listeners(listeners_mutex_);
    for (auto* listener : listeners_) listener->on_batch(batch);
  }
  confirm(batch.last());
}

// The epoch last: who has read it finds all of its events.
void Journal::show_applied() {
  applied_.store(last_, std::memory_order_release);
  if (epoch_.load(std::memory_order_relaxed) != last_epoch_)
    epoch_.store(last_epoch_, std::memory_order_release);
}

void Journal::add(JournalListener& listener) {
  const MutexLock lock(listeners_mutex_);
  listeners_.push_back(&listener);
}

void Journal::add(CommitListener& listener) {
  const MutexLock lock(commit_mutex_);
  commit_listeners_.push_back(&listener);
}

void Journal::remove(CommitListener& listener) {
  const MutexLock lock(commit_mutex_);
  std::erase(commit_listeners_, &listener);
}

Journal::Turn::Turn(Journal& journal) : journal_(journal) { journal_.mutex_.lock(); }

Journal::Turn::~Turn() {
  if (appended_) journal_.show_applied();
  const bool wake = appended_ && journal_.has_gathered();
  if (wake) journal_.publisher_waits_for_ = 0;
  journal_.mutex_.unlock();
  if (wake) journal_.appended_.notify_one();
}

result<void> Journal::Turn::open() const {
  journal_.mutex_.assert_held();
  if (!journal_.leads()) return errc::not_leader;
  if (journal_.failed_.load(std::memory_order_acquire)) return errc::storage_failed;
  if (journal_.stopping_) return errc::not_ready;
  if (journal_.pending_bytes_ > max_pending_bytes) return errc::overloaded;
  return {};
}

Sequence Journal::Turn::append(const EventView& event) {
  return append_as([&](Batch& batch) { batch.append(event); });
}

Sequence Journal::Turn::append_encoded(std::string_view event) {
  return append_as([&](Batch& batch) { batch.append_encoded(event); });
}

template <class Append>
Sequence Journal::Turn::append_as(Append&& append) {
  journal_.mutex_.assert_held();
  const auto sequence = ++journal_.last_;
  auto& pending = journal_.pending_;
  const auto is_full = [](const Batch& batch) {
    return batch.count() >= max_batch_events || batch.size_bytes() >= max_batch_bytes;
  };
  if (pending.empty() || (!appended_ && journal_.holds_ == 0 && is_full(pending.back())))
    journal_.open_batch(sequence);
  const auto before = pending.back().size_bytes();
  append(pending.back());
  journal_.pending_bytes_ += pending.back().size_bytes() - before;
  appended_ = true;
  return sequence;
}

Journal::Hold::Hold(Journal& journal) : journal_(journal) {
  MutexLock lock(journal_.mutex_);
  journal_.holds_changed_.wait(lock,
                               [this]() REVOKED_REQUIRES(journal_.mutex_) { return !journal_.is_closing_; });
  ++journal_.holds_;
}

Journal::Hold::~Hold() {
  {
    const MutexLock lock(journal_.mutex_);
    --journal_.holds_;
  }
  journal_.holds_changed_.notify_all();
}

bool Journal::has_gathered() const {
  return publisher_waits_for_ != 0 && last_ - closed_through_ >= publisher_waits_for_;
}

void Journal::open_batch(Sequence first) {
  pending_.push_back(std::exchange(spare_, {}));
  pending_.back().begin(last_epoch_, first);
}

void Journal::publish() {
  set_up_this_thread("journal", Urgency::gathering);
  std::uint32_t last_count = 0;
  MutexLock lock(mutex_);
  while (true) {
    publisher_waits_for_ = pending_.empty() && !stopping_ ? 1 : 0;
    appended_.wait(lock,
                   [this]() REVOKED_REQUIRES(mutex_) { return !pending_.empty() || stopping_ || failed_; });
    written_.wait_for(lock, publish_after, [this]() REVOKED_REQUIRES(mutex_) {
      return closed_.empty() || gather_through_ != 0 || failed_;
    });
    const bool for_writer = gather_through_ > closed_through_;
    const auto enough =
        for_writer ? static_cast<std::uint32_t>(gather_through_ - closed_through_) : last_count * 3 / 4;
    if (last_ - closed_through_ < enough && !stopping_) {
      const std::chrono::nanoseconds time =
          for_writer ? gather_until_ - std::chrono::steady_clock::now() : gather_for;
      publisher_waits_for_ = enough;
      appended_.wait_for(lock, time, [this]() REVOKED_REQUIRES(mutex_) {
        return publisher_waits_for_ == 0 || stopping_ || failed_;
      });
    }
    publisher_waits_for_ = 0;
    gather_through_ = 0;
    if (pending_.empty() || failed_) break;
    if (holds_ != 0) {
      is_closing_ = true;
      holds_changed_.wait(lock, [this]() REVOKED_REQUIRES(mutex_) { return holds_ == 0; });
      is_closing_ = false;
      holds_changed_.notify_all();
    }
    const auto batch = close_batch();
    last_count = batch.count();
    lock.unlock();
    closed_changed_.notify_one();
    // Let the writer start first: the sync takes longer than the listeners, and runs in parallel.
    std::this_thread::yield();
    {
      const MutexLock listeners(listeners_mutex_);
      for (auto* listener : listeners_) listener->on_batch(batch);
    }
    lock.lock();
    published_through_ = batch.last();
    closed_changed_.notify_one();
  }
  published_all_ = true;
  closed_changed_.notify_one();
}

// The view is valid until the batch has been published and written.
BatchView Journal::close_batch() {
  auto& closed = closed_.emplace_back(std::move(pending_.front()));
  pending_.pop_front();
  closed_through_ = closed.view.last();
  return closed.view;
}

void Journal::write() {
  set_up_this_thread("log", Urgency::gathering);
  Batch several;
  MutexLock lock(mutex_);
  while (!failed_) {
    closed_changed_.wait(lock,
                         [this]() REVOKED_REQUIRES(mutex_) { return !closed_.empty() || published_all_; });
    if (closed_.empty()) break;
    const auto batch = gather_closed(several);
    lock.unlock();
    const auto began = std::chrono::steady_clock::now();
    const bool stored = bool(log_.append(batch));
    const auto took = std::chrono::steady_clock::now() - began;
    if (stored) commits_.add(took);
    const auto count = batch.count();
    lock.lock();
    if (!stored) {
      failed_.store(true, std::memory_order_release);
      break;
    }
    const auto last = batch.last();
    closed_changed_.wait(lock, [&]() REVOKED_REQUIRES(mutex_) { return published_through_ >= last; });
    for (bool more = true; more; closed_.pop_front()) {
      more = closed_.front().view.last() < last;
      spare_ = std::move(closed_.front().batch);
    }
    written_.notify_one();
    lock.unlock();
    confirm(last);
    lock.lock();
    gather(count, took, lock);
  }
  written_.notify_one();
  lock.unlock();
  appended_.notify_one();  // wakes the other thread if this one failed
  {
    const MutexLock commits(commit_mutex_);
    ended_ = true;
  }
  committed_.notify_all();
  if (has_failed()) on_failure_();
}

// Those who wait already are joined by most of those who were just answered.
void Journal::gather(std::uint32_t committed, std::chrono::nanoseconds took, MutexLock<Mutex<1>>& lock) {
  const auto waiting = last_ - durable();
  const auto enough = (waiting + committed) * 3 / 4;
  if (took < 4 * gather_for || waiting == 0 || waiting >= enough || waiting >= max_batch_events || stopping_)
    return;
  constexpr std::chrono::microseconds to_close{100};
  gather_through_ = durable() + enough;
  const auto time = std::min<std::chrono::nanoseconds>(took / 4, publish_after);
  gather_until_ = std::chrono::steady_clock::now() + time;
  written_.notify_one();
  closed_changed_.wait_for(lock, time + to_close,
                           [this]() REVOKED_REQUIRES(mutex_) { return gather_through_ == 0; });
  gather_through_ = 0;
}

// Batches published separately while the log was busy are written as one, assembled in `several`.
BatchView Journal::gather_closed(Batch& several) {
  const auto first = closed_.front().view;
  pending_bytes_ -= first.bytes().size();
  auto count = first.count();
  for (std::size_t i = 1; i < closed_.size(); ++i) {
    const auto next = closed_[i].view;
    if (count + next.count() > max_batch_events) break;
    if (i == 1) {
      several.begin(first.epoch(), first.first());
      several.append(first);
    }
    several.append(next);
    pending_bytes_ -= next.bytes().size();
    count += next.count();
  }
  return count == first.count() ? first : several.view();
}

void Journal::confirm(Sequence durable) {
  const MutexLock lock(commit_mutex_);
  durable_.store(durable, std::memory_order_seq_cst);
  for (auto* listener : commit_listeners_) listener->on_durable(durable);
  committed_.notify_all();
}

bool Journal::wait_until_durable(Sequence sequence) {
  MutexLock lock(commit_mutex_);
  committed_.wait(lock, [&]() REVOKED_REQUIRES(commit_mutex_) { return durable() >= sequence || ended_; });
  return durable() >= sequence;
}

void Journal::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  appended_.notify_one();
  if (publisher_.joinable()) publisher_.join();
  if (writer_.joinable()) writer_.join();
  {
    const MutexLock commits(commit_mutex_);
    ended_ = true;
  }
  committed_.notify_all();
}

}  // namespace revoked::engine
