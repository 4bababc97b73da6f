#pragma once
// A mutex for critical sections much shorter than falling asleep and being woken take: who finds it taken
// spins a little before sleeping. With a plain one, each turn that meets another costs two system calls and
// two switches of threads. The C library's own kind, where it has one; else a plain mutex.

#include <pthread.h>

#include <mutex>

namespace revoked::engine {

class SpinningMutex : public std::mutex {
#ifdef __GLIBC__
 public:
  SpinningMutex() {
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_destroy(native_handle());
    pthread_mutex_init(native_handle(), &kind);
    pthread_mutexattr_destroy(&kind);
  }
#endif
};

}  // namespace revoked::engine
