#include "engine/log/sealer.hpp"

#include <utility>

#include "engine/base/this_thread.hpp"
#include "engine/log/local_log.hpp"

namespace revoked::engine {

Sealer::Sealer(LocalLog& log, Tell tell) : log_(log), tell_(std::move(tell)), thread_([this] { run(); }) {}

Sealer::~Sealer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Sealer::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void Sealer::run() {
  set_up_this_thread("sealer", Urgency::idle);
  std::unique_lock lock(mutex_);
  while (true) {
    const auto is_called = [this] { return stopping_ || woken_; };
    if (failed_)
      changed_.wait_for(lock, pause_after_failure, is_called);
    else
      changed_.wait(lock, is_called);
    if (stopping_) return;
    woken_ = false;
    lock.unlock();
    seal_all();
    lock.lock();
  }
}

void Sealer::seal_all() {
  failed_ = false;
  began_ = std::chrono::steady_clock::now();
  while (const auto number = log_.closed_behind(done_)) {
    std::string why;
    const auto sealed = log_.seal(
        *number, [this] { return rest_if_due(); }, why);
    if (stopping_) return;
    if (!sealed && why != std::exchange(told_, why) && tell_) tell_(why);
    // What is damaged is not looked at again before the next start.
    failed_ = !sealed && sealed.error() != errc::storage_corrupt;
    if (failed_) return;
    done_ = *number;
  }
}

// False: there is no time left.
bool Sealer::rest_if_due() {
  const auto worked = std::chrono::steady_clock::now() - began_;
  if (worked < work_at_once) return !stopping_;
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, rest_for_work * worked, [this] { return stopping_.load(); });
  began_ = std::chrono::steady_clock::now();
  return !stopping_;
}

}  // namespace revoked::engine
