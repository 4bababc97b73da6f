#pragma once
// What a process takes of the machine.

#include <sys/types.h>

#include <cstddef>

namespace revoked::soak {

struct Figures {
  std::size_t memory_kib = 0;  // resident
  std::size_t files = 0;
  std::size_t descriptors = 0;  // of all else
  std::size_t threads = 0;
};

Figures figures_of(pid_t process);  // zeros if there is none

}  // namespace revoked::soak
