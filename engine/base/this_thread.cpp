#include "engine/base/this_thread.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace revoked::engine {

void set_up_this_thread(const char* name, Urgency urgency) {
  pthread_setname_np(pthread_self(), name);
  if (urgency == Urgency::usual) return;
  const sched_param parameters{};
  pthread_setschedparam(pthread_self(), SCHED_BATCH, &parameters);
  // Not SCHED_IDLE, whose weight is 3 where the usual one is 1,024 (nice 19: 15): on a machine that is never
  // idle, keys would stay in memory, and segments unpacked, for hours. On Linux the nice value is per thread.
  if (urgency == Urgency::idle) ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);
}

}  // namespace revoked::engine
