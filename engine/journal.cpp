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
      thread_([this] { run(); }) {}

Journal::~Journal() { stop(); }

void Journal::add(JournalListener& listener) {
  const std::scoped_lock lock(listeners_mutex_);
  listeners_.push_back(&listener);
}

void Journal::add(CommitListener& listener) {
  const std::scoped_lock lock(listeners_mutex_);
  commit_listeners_.push_back(&listener);
}

void Journal::remove(CommitListener& listener) {
  const std::scoped_lock lock(listeners_mutex_);
  std::erase(commit_listeners_, &listener);
}

Journal::Turn::Turn(Journal& journal) : journal_(journal), lock_(journal.mutex_) {}

Journal::Turn::~Turn() {
  if (!appended_) return;
  journal_.applied_.store(journal_.last_, std::memory_order_release);
  const bool wake = std::exchange(journal_.writer_waits_, false);
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
  const auto sequence = ++journal_.last_;
  auto& pending = journal_.pending_;
  if (pending.empty() || (!appended_ && pending.back().count() >= max_batch_events))
    journal_.open_batch(sequence);
  const auto before = pending.back().size_bytes();
  pending.back().append(event);
  journal_.pending_bytes_ += pending.back().size_bytes() - before;
  appended_ = true;
  return sequence;
}

void Journal::open_batch(Sequence first) {
  pending_.push_back(std::exchange(spare_, {}));
  pending_.back().begin(epoch_, first);
}

void Journal::run() {
  set_up_this_thread("journal", Urgency::gathering);
  Batch writing;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      writer_waits_ = pending_.empty() && !stopping_;
      appended_.wait(lock, [this] { return !pending_.empty() || stopping_; });
      writer_waits_ = false;
      if (pending_.empty()) break;
      writing = std::move(pending_.front());
      pending_.pop_front();
      pending_bytes_ -= writing.size_bytes();
    }
    if (!commit(writing.view())) {
      failed_.store(true, std::memory_order_release);
      break;
    }
    const std::scoped_lock lock(mutex_);
    spare_ = std::move(writing);
  }
  {
    const std::scoped_lock lock(listeners_mutex_);
    ended_ = true;
  }
  committed_.notify_all();
  if (has_failed()) on_failure_();
}

bool Journal::commit(const BatchView& batch) {
  {
    const std::scoped_lock lock(listeners_mutex_);
    for (auto* listener : listeners_) listener->on_batch(batch);
  }
  if (!store_.commit(batch)) return false;
  const std::scoped_lock lock(listeners_mutex_);
  durable_.store(batch.last(), std::memory_order_seq_cst);
  for (auto* listener : commit_listeners_) listener->on_durable(batch.last());
  committed_.notify_all();
  return true;
}

bool Journal::wait_until_durable(Sequence sequence) {
  std::unique_lock lock(listeners_mutex_);
  committed_.wait(lock, [&] { return durable() >= sequence || ended_; });
  return durable() >= sequence;
}

void Journal::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  appended_.notify_one();
  if (thread_.joinable()) thread_.join();
}

}  // namespace revoked::engine
