#pragma once
// A mutex for critical sections much shorter than sleeping and waking: a waiter spins briefly before it
// sleeps. With a plain mutex, each contended turn costs two system calls and two context switches. Uses the C
// library's adaptive kind, where available; otherwise a plain mutex.

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
