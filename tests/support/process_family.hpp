#pragma once
// The processes of a program that has several, each in a process group of its own.

#include <sys/types.h>

#include <vector>

namespace revoked::test {

// Stops it (SIGSTOP), and all processes that descend from it, which it can start no more of. All of them.
std::vector<pid_t> stop_family(pid_t parent);

// Whether it has ended, reaped or not.
bool has_ended(pid_t pid);

}  // namespace revoked::test
