#pragma once
// Epoch-based reclamation (Fraser: Practical lock-freedom, 2004, 5.2.3): data that lock-free readers may
// still see can be reused once every thread that was reading when it was unlinked has left its section.
// Entering and leaving are two stores: the fence they need is executed by the writer, where it is rare
// (membarrier(2)).

#include <atomic>
#include <cstdint>

namespace revoked::engine {

// What a thread finds without a lock does not change while it has a section. Sections nest and may be long,
// also while waiting for the disk: they only delay reuse.
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

  // Call after unlinking something: returns its mark. From any thread.
  static std::uint64_t unlinked();
  // Whether every section that existed at the mark has ended.
  static bool all_ended_since(std::uint64_t mark);

 private:
  struct alignas(64) Thread {
    std::atomic<std::uint64_t> since{0};  // the mark at which it entered; 0: not in a section
    int depth = 0;                        // used by the thread itself
    std::atomic<bool> taken{true};
    Thread* next = nullptr;  // constant once in the list
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
