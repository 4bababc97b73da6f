#include "engine/checkpointer.hpp"

#include "engine/base/this_thread.hpp"

namespace revoked::engine {

Checkpointer::Checkpointer(const Journal& journal, Make make)
    : journal_(journal), make_(std::move(make)), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Checkpointer::run() {
  set_up_this_thread("checkpointer", Urgency::idle);
  constexpr auto look_every = std::chrono::milliseconds(200);
  MutexLock lock(mutex_);
  auto seen = journal_.durable();
  auto looked_at = std::chrono::steady_clock::now();
  while (!wake_.wait_for(lock, look_every, [this]() REVOKED_REQUIRES(mutex_) { return stopping_.load(); })) {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - looked_at;
    const auto durable = journal_.durable();
    const bool is_rushed = static_cast<double>(durable - seen) > passed.count() * static_cast<double>(rush);
    seen = durable;
    looked_at = now;
    if (is_rushed) continue;
    lock.unlock();
    make_([this] { return !stopping_; });
    lock.lock();
  }
}

}  // namespace revoked::engine
