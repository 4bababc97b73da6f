#include "engine/batch_applier.hpp"

#include <chrono>
#include <utility>

#include "engine/this_thread.hpp"

namespace revoked::engine {
namespace {

// One write of many batches takes far less than many writes of one, and nobody waits for it.
constexpr auto gather_at_most = std::chrono::milliseconds(5);
constexpr std::size_t enough_bytes = 256 << 10;
constexpr std::size_t most_bytes = 4 << 20;

}  // namespace

void BatchApplier::Group::clear() {
  bytes.clear();
  ends.clear();
}

bool BatchApplier::Group::views(std::vector<BatchView>& batches) const {
  batches.clear();
  std::size_t begin = 0;
  for (const auto end : ends) {
    if (!BatchView::parse(std::string_view(bytes).substr(begin, end - begin), batches.emplace_back()))
      return false;
    begin = end;
  }
  return true;
}

BatchApplier::BatchApplier(Apply apply) : apply_(std::move(apply)), thread_([this] { run(); }) {}

BatchApplier::~BatchApplier() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

result<void> BatchApplier::add(const BatchView& batch) {
  std::unique_lock lock(mutex_);
  applied_.wait(lock, [this] { return failed_ || gathered_.bytes.size() < most_bytes; });
  if (failed_) return errc::storage_failed;
  const auto before = gathered_.bytes.size();
  gathered_.bytes.append(batch.bytes());
  gathered_.ends.push_back(gathered_.bytes.size());
  ++added_;
  const bool is_enough = before < enough_bytes && gathered_.bytes.size() >= enough_bytes;
  lock.unlock();
  if (before == 0 || is_enough) changed_.notify_one();
  return {};
}

bool BatchApplier::is_idle() const {
  const std::scoped_lock lock(mutex_);
  return done_ == added_;
}

result<void> BatchApplier::wait() const {
  std::unique_lock lock(mutex_);
  const auto target = added_;
  ++waiting_;
  changed_.notify_one();
  applied_.wait(lock, [&] { return failed_ || done_ >= target; });
  --waiting_;
  if (failed_) return errc::storage_failed;
  return {};
}

void BatchApplier::run() {
  set_up_this_thread("tables", Urgency::gathering);
  Group group;
  std::vector<BatchView> batches;
  std::unique_lock lock(mutex_);
  while (!failed_) {
    changed_.wait(lock, [this] { return stopping_ || !gathered_.ends.empty(); });
    if (gathered_.ends.empty()) return;
    changed_.wait_for(lock, gather_at_most,
                      [this] { return stopping_ || waiting_ > 0 || gathered_.bytes.size() >= enough_bytes; });
    std::swap(gathered_, group);
    lock.unlock();
    applied_.notify_all();  // there is room
    const bool good = group.views(batches) && apply_(batches);
    lock.lock();
    if (good)
      done_ += group.ends.size();
    else
      failed_ = true;
    group.clear();
    applied_.notify_all();
  }
}

}  // namespace revoked::engine
