#include "engine/base/read_section.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace revoked::engine {
namespace {

long membarrier(int command) { return ::syscall(SYS_membarrier, command, 0, 0); }

}  // namespace

const bool ReadSection::has_membarrier_ = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
std::atomic<std::uint64_t> ReadSection::mark_{1};
std::atomic<ReadSection::Thread*> ReadSection::threads_{nullptr};

// The record of a thread that ended is reused by another.
struct ReadSection::Handle {
  Thread* thread = nullptr;
  ~Handle() {
    if (thread != nullptr) thread->taken.store(false, std::memory_order_release);
  }
};

ReadSection::Thread& ReadSection::register_thread() {
  static thread_local Handle handle;
  for (Thread* each = threads_.load(std::memory_order_acquire); each != nullptr; each = each->next) {
    if (!each->taken.exchange(true, std::memory_order_acquire)) return *(handle.thread = each);
  }
  auto* const thread = new Thread;  // never freed: other threads may read it
  thread->next = threads_.load(std::memory_order_relaxed);
  while (!threads_.compare_exchange_weak(thread->next, thread, std::memory_order_release)) {
  }
  return *(handle.thread = thread);
}

std::uint64_t ReadSection::unlinked() {
  const auto mark = mark_.fetch_add(1, std::memory_order_seq_cst) + 1;
  // From here on, a reader that entered is visible, and one that is not visible cannot find what was
  // unlinked.
  if (has_membarrier_)
    membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  else
    std::atomic_thread_fence(std::memory_order_seq_cst);
  return mark;
}

bool ReadSection::all_ended_since(std::uint64_t mark) {
  for (Thread* each = threads_.load(std::memory_order_acquire); each != nullptr; each = each->next) {
    const auto since = each->since.load(std::memory_order_acquire);
    if (since != 0 && since < mark) return false;
  }
  return true;
}

}  // namespace revoked::engine
