#pragma once
// Tells a process from the children that it forks, without a handler of fork() and without a system call: a
// page that the kernel clears in a child (MADV_WIPEONFORK). Any thread.

#include <atomic>
#include <cstdint>

namespace revoked::library {

class ProcessMark {
 public:
  ProcessMark() : word_(word_of_this_process()), mark_(word_.load(std::memory_order_relaxed)) {}
  // Whether this is the process in which it was made.
  bool is_here() const { return word_.load(std::memory_order_relaxed) == mark_; }

 private:
  using Word = std::atomic<std::uint64_t>;
  static Word& word_of_this_process();

  const Word& word_;
  const std::uint64_t mark_;
};

}  // namespace revoked::library
