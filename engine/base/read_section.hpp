#pragma once
// When may what readers without a lock can still see be overwritten? Once every thread that was reading when
// it was unlinked has been outside of a section: epoch-based reclamation (Fraser: Practical lock-freedom,
// 2004, 5.2.3). Entering and leaving a section are two stores: the fence that they would need is on the other
// side, where it is rare (membarrier(2)).

#include <atomic>
#include <cstdint>

namespace revoked::engine {

// What a thread finds without a lock stays as it is while it has one. They nest. May last, also while waiting
// for the disk: it only holds up reuse.
class ReadSection {
 public:
  ReadSection() : thread_(this_thread()) {
    if (thread_.depth++ == 0) enter(thread_);
  }
  ~ReadSection() {
    if (--thread_.depth == 0) thread_.since.store(0, std::memory_order_release);
  }
  ReadSection(const ReadSection&) = delete;
  ReadSection& operator=(const ReadSection&) = delete;

  // After something was unlinked: a mark for it. Any thread.
  static std::uint64_t unlinked();
  // Whether every section that was there at the mark has ended.
  static bool all_ended_since(std::uint64_t mark);

 private:
  struct alignas(64) Thread {
    std::atomic<std::uint64_t> since{0};  // the mark at which it entered; 0: it is outside
    int depth = 0;                        // of the thread itself
    std::atomic<bool> taken{true};
    Thread* next = nullptr;  // constant once it is in the list
  };
  struct Handle;

  static Thread& this_thread() {
    static thread_local Thread* thread = nullptr;
    if (thread == nullptr) [[unlikely]]
      thread = &register_thread();
    return *thread;
  }
  static Thread& register_thread();
  static void enter(Thread& thread) {
    thread.since.store(mark_.load(std::memory_order_acquire), std::memory_order_relaxed);
    if (has_membarrier_) [[likely]]
      std::atomic_signal_fence(std::memory_order_seq_cst);
    else
      std::atomic_thread_fence(std::memory_order_seq_cst);
  }

  static const bool has_membarrier_;
  static std::atomic<std::uint64_t> mark_;
  static std::atomic<Thread*> threads_;

  Thread& thread_;
};

}  // namespace revoked::engine
