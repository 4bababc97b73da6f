#include "engine/journal.hpp"

#include <algorithm>
#include <utility>

#include "engine/this_thread.hpp"

namespace revoked::engine {

Journal::Journal(Store& store, Epoch epoch, Sequence last, std::function<void()> on_failure)
    : store_(store),
      epoch_(epoch),
      on_failure_(std::move(on_failure)),
      last_(last),
      applied_(last),
      durable_(last),
      teller_([this] { tell(); }),
      writer_([this] { write(); }) {}

Journal::~Journal() { stop(); }

void Journal::add(JournalListener& listener) {
  const std::scoped_lock lock(listeners_mutex_);
  listeners_.push_back(&listener);
}

void Journal::add(CommitListener& listener) {
  const std::scoped_lock lock(commit_mutex_);
  commit_listeners_.push_back(&listener);
}

void Journal::remove(CommitListener& listener) {
  const std::scoped_lock lock(commit_mutex_);
  std::erase(commit_listeners_, &listener);
}

Journal::Turn::Turn(Journal& journal) : journal_(journal), lock_(journal.mutex_) {}

Journal::Turn::~Turn() {
  if (!appended_) return;
  journal_.applied_.store(journal_.last_, std::memory_order_release);
  const bool wake = std::exchange(journal_.teller_waits_, false);
  lock_.unlock();
  if (wake) journal_.appended_.notify_one();
}

result<void> Journal::Turn::open() const {
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
  const auto sequence = ++journal_.last_;
  auto& pending = journal_.pending_;
  if (pending.empty() || (!appended_ && pending.back().count() >= max_batch_events))
    journal_.open_batch(sequence);
  const auto before = pending.back().size_bytes();
  append(pending.back());
  journal_.pending_bytes_ += pending.back().size_bytes() - before;
  appended_ = true;
  return sequence;
}

void Journal::open_batch(Sequence first) {
  pending_.push_back(std::exchange(spare_, {}));
  pending_.back().begin(epoch_, first);
}

void Journal::tell() {
  set_up_this_thread("journal", Urgency::gathering);
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    teller_waits_ = pending_.empty() && !stopping_;
    appended_.wait(lock, [this] { return !pending_.empty() || stopping_ || failed_; });
    teller_waits_ = false;
    written_.wait_for(lock, tell_after, [this] { return (!writing_ && told_.empty()) || failed_; });
    if (pending_.empty() || failed_) break;
    auto batch = std::move(pending_.front());
    pending_.pop_front();
    lock.unlock();
    {
      const std::scoped_lock listeners(listeners_mutex_);
      for (auto* listener : listeners_) listener->on_batch(batch.view());
    }
    lock.lock();
    told_.push_back(std::move(batch));
    told_changed_.notify_one();
  }
  told_all_ = true;
  told_changed_.notify_one();
}

void Journal::write() {
  set_up_this_thread("log", Urgency::gathering);
  Batch batch;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!failed_) {
    told_changed_.wait(lock, [this] { return !told_.empty() || told_all_; });
    if (told_.empty()) break;
    take_told(batch);
    writing_ = true;
    lock.unlock();
    const bool committed = commit(batch.view());
    lock.lock();
    writing_ = false;
    spare_ = std::move(batch);
    if (!committed) failed_.store(true, std::memory_order_release);
    written_.notify_one();
  }
  lock.unlock();
  appended_.notify_one();  // the other thread, if this one has failed
  {
    const std::scoped_lock commits(commit_mutex_);
    ended_ = true;
  }
  committed_.notify_all();
  if (has_failed()) on_failure_();
}

// What was told in pieces while the store was busy goes to it in one.
void Journal::take_told(Batch& batch) {
  batch = std::move(told_.front());
  pending_bytes_ -= batch.size_bytes();
  told_.pop_front();
  while (!told_.empty() && batch.count() + told_.front().count() <= max_batch_events) {
    pending_bytes_ -= told_.front().size_bytes();
    batch.append(told_.front().view());
    told_.pop_front();
  }
}

bool Journal::commit(const BatchView& batch) {
  if (!store_.commit(batch)) return false;
  const std::scoped_lock lock(commit_mutex_);
  durable_.store(batch.last(), std::memory_order_seq_cst);
  for (auto* listener : commit_listeners_) listener->on_durable(batch.last());
  committed_.notify_all();
  return true;
}

bool Journal::wait_until_durable(Sequence sequence) {
  std::unique_lock lock(commit_mutex_);
  committed_.wait(lock, [&] { return durable() >= sequence || ended_; });
  return durable() >= sequence;
}

void Journal::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  appended_.notify_one();
  if (teller_.joinable()) teller_.join();
  if (writer_.joinable()) writer_.join();
}

}  // namespace revoked::engine
