#include "engine/index/indexer.hpp"

#include <chrono>
#include <utility>

#include "engine/base/this_thread.hpp"

namespace revoked::engine {
namespace {

// One write of many batches is far cheaper than one per batch, and no caller waits for it.
constexpr auto gather_at_most = std::chrono::milliseconds(5);
constexpr std::size_t enough_bytes = 256 << 10;
// Beyond this, batches are dropped here and read from the log later.
constexpr std::size_t most_bytes = 4 << 20;
constexpr auto pause_after_failure = std::chrono::seconds(1);

}  // namespace

void Indexer::Group::clear() {
  bytes.clear();
  ends.clear();
}

void Indexer::Group::append(const BatchView& batch) {
  bytes.append(batch.bytes());
  ends.push_back(bytes.size());
}

bool Indexer::Group::views(std::vector<BatchView>& batches) const {
  batches.clear();
  std::size_t begin = 0;
  for (const auto end : ends) {
    if (!BatchView::parse(std::string_view(bytes).substr(begin, end - begin), batches.emplace_back()))
      return false;
    begin = end;
  }
  return true;
}

Indexer::Indexer(std::unique_ptr<Index> index, const Log& log, Source source)
    : log_(log),
      source_(std::move(source)),
      index_(std::move(index)),
      now_(index_ ? index_->indexed() : Indexed{}),
      through_(now_.through),
      last_(log.last()),
      thread_([this] { run(); }) {}

Indexer::~Indexer() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
  if (index_) (void)index_->flush();  // what is not on disk is indexed again
}

void Indexer::add(const BatchView& batch) {
  MutexLock lock(mutex_);
  last_ = batch.last();
  const auto before = gathered_.bytes.size();
  if (before >= most_bytes) return;
  gathered_.append(batch);
  const bool is_enough = before < enough_bytes && gathered_.bytes.size() >= enough_bytes;
  lock.unlock();
  if (before == 0 || is_enough) changed_.notify_one();
}

Sequence Indexer::through() const {
  const MutexLock lock(mutex_);
  return through_;
}

result<void> Indexer::scan(IndexKind kind, std::string_view id, Sequence from,
                           const std::function<bool(Sequence)>& visit) const {
  const auto index = current();
  if (!index) return errc::overloaded;
  const auto scanned = index->scan(kind, id, from, visit);
  if (scanned) return {};
  const MutexLock lock(mutex_);
  scan_failed_ |= index == index_;
  changed_.notify_one();
  return errc::overloaded;
}

result<void> Indexer::wait() const {
  MutexLock lock(mutex_);
  const auto target = last_;
  ++waiting_;
  changed_.notify_one();
  const bool known = indexed_.wait_for(
      lock, patience, [&]() REVOKED_REQUIRES(mutex_) { return through_ >= target || !index_; });
  --waiting_;
  if (!known || !index_) return errc::overloaded;
  return {};
}

void Indexer::run() {
  set_up_this_thread("index", Urgency::gathering);
  Group group;
  MutexLock lock(mutex_);
  while (true) {
    if (!index_) {
      lock.unlock();
      open_again();
      lock.lock();
      if (!index_) return;
      through_ = now_.through;
    }
    changed_.wait(
        lock, [this]() REVOKED_REQUIRES(mutex_) { return stopping_ || scan_failed_ || through_ < last_; });
    if (stopping_ && gathered_.ends.empty()) return;  // the next start reads the rest from the log
    if (std::exchange(scan_failed_, false)) {
      give_up(index_->failure());
      continue;
    }
    changed_.wait_for(lock, gather_at_most, [this]() REVOKED_REQUIRES(mutex_) {
      return stopping_ || waiting_ > 0 || gathered_.bytes.size() >= enough_bytes;
    });
    std::swap(gathered_, group);
    const auto last = last_;
    lock.unlock();
    result<void> done;
    if (!group.ends.empty()) done = index(group);
    if (done && group.ends.empty()) done = read_up_to(last);
    group.clear();
    lock.lock();
    if (!done) {
      give_up(done.error() == errc::storage_failed ? index_->failure() : done.error().message());
      continue;
    }
    through_ = now_.through;
    indexed_.notify_all();
  }
}

void Indexer::give_up(std::string why) {
  failed_ = std::exchange(index_, nullptr);
  failure_ = std::move(why);
  indexed_.notify_all();
}

std::shared_ptr<Index> Indexer::current() const {
  const MutexLock lock(mutex_);
  return index_;
}

// First indexes what is missing before the group.
result<void> Indexer::index(Group& group) {
  if (!group.views(batches_)) return errc::storage_corrupt;
  const auto first = batches_.front().first();
  if (now_.through + 1 < first) {
    if (const auto read = read_up_to(first - 1); !read) return read;
    if (now_.through + 1 < first) return {};  // stopping
    if (!group.views(batches_)) return errc::storage_corrupt;
  }
  return index_batches(batches_);
}

namespace {

// `batch` is the first of its epoch.
EpochStart epoch_start(const BatchView& batch) {
  EpochStart start;
  batch.for_each([&](Sequence sequence, const EventView& event) {
    if (event.type == EventType::epoch_started)
      start = {batch.epoch(), sequence, std::string(event[Field::journal])};
  });
  return start;
}

}  // namespace

result<void> Indexer::index_batches(const std::vector<BatchView>& batches) {
  entries_.clear();
  auto now = now_;
  for (const auto& batch : batches) {
    if (batch.last() <= now.through) continue;
    if (!entries_.append(batch)) return errc::storage_corrupt;
    if (batch.epoch() != now.epoch.epoch) now.epoch = epoch_start(batch);
    now.through = batch.last();
  }
  if (const auto added = current()->add(entries_, now); !added) return added;
  now_ = now;
  return {};
}

result<void> Indexer::read_up_to(Sequence last) {
  while (now_.through < last) {
    Group group;
    const auto before = now_.through;
    const auto read = log_.read(before + 1, [&](const BatchView& batch) {
      group.append(batch);
      return batch.last() < last && group.bytes.size() < most_bytes;
    });
    if (!read) return read;
    if (!group.views(batches_)) return errc::storage_corrupt;
    if (const auto added = index_batches(batches_); !added) return added;
    if (now_.through == before) return errc::storage_corrupt;
    const MutexLock lock(mutex_);
    through_ = now_.through;
    indexed_.notify_all();
    if (stopping_) return {};
  }
  return {};
}

// Retries until there is an index, or until stopped.
void Indexer::open_again() {
  failed_.reset();
  if (!failure_.empty() && failure_ != std::exchange(reported_, failure_) && source_.report)
    source_.report(failure_);
  MutexLock lock(mutex_);
  while (!changed_.wait_for(lock, pause_after_failure,
                            [this]() REVOKED_REQUIRES(mutex_) { return stopping_; })) {
    lock.unlock();
    std::string detail;
    auto opened = source_.reopen(detail);
    lock.lock();
    if (!opened) continue;
    index_ = std::move(*opened);
    now_ = index_->indexed();
    return;
  }
}

}  // namespace revoked::engine
