#pragma once
// The resources of a process.

#include <sys/types.h>

#include <cstddef>

namespace revoked::soak {

struct Figures {
  std::size_t memory_kib = 0;  // resident
  std::size_t files = 0;
  std::size_t descriptors = 0;  // other than files
  std::size_t threads = 0;
};

Figures figures_of(pid_t process);  // zeros if there is no such process

}  // namespace revoked::soak
