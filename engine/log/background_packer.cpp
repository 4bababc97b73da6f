#include "engine/log/background_packer.hpp"

#include <utility>

#include "engine/base/this_thread.hpp"
#include "engine/log/local_log.hpp"

namespace revoked::engine {

BackgroundPacker::BackgroundPacker(LocalLog& log, Report report)
    : log_(log), report_(std::move(report)), thread_([this] { run(); }) {}

BackgroundPacker::~BackgroundPacker() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void BackgroundPacker::wake() {
  {
    const MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void BackgroundPacker::run() {
  set_up_this_thread("packer", Urgency::idle);
  MutexLock lock(mutex_);
  while (true) {
    const auto is_called = [this]() REVOKED_REQUIRES(mutex_) { return stopping_ || woken_; };
    if (failed_)
      changed_.wait_for(lock, pause_after_failure, is_called);
    else
      changed_.wait(lock, is_called);
    if (stopping_) return;
    woken_ = false;
    lock.unlock();
    pack_all();
    lock.lock();
  }
}

void BackgroundPacker::pack_all() {
  failed_ = false;
  while (const auto number = log_.next_unpacked(done_)) {
    if (!rest(std::chrono::seconds(0))) return;
    std::string why;
    const auto packed = log_.pack(
        *number, [this] { return rest_if_due(); }, why);
    if (stopping_) return;
    if (!packed && why != std::exchange(reported_, why) && report_) report_(why);
    // Damaged segments are not retried before the next start.
    failed_ = !packed && packed.error() != errc::storage_corrupt;
    if (failed_) return;
    done_ = *number;
  }
}

// False: stopping.
bool BackgroundPacker::rest_if_due() {
  const auto worked = std::chrono::steady_clock::now() - began_;
  return worked < work_at_once ? !stopping_ : rest(rest_for_work * worked);
}

// Pauses for `least`, and then for as long as the log has priority.
bool BackgroundPacker::rest(std::chrono::steady_clock::duration least) {
  MutexLock lock(mutex_);
  const auto is_over = [this] { return stopping_.load(); };
  changed_.wait_for(lock, least, is_over);
  while (!stopping_ && log_.must_packing_wait()) changed_.wait_for(lock, LocalLog::just_now / 4, is_over);
  began_ = std::chrono::steady_clock::now();
  return !stopping_;
}

}  // namespace revoked::engine
