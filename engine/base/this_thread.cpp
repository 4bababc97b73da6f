#include "engine/base/this_thread.hpp"

#include <pthread.h>
#include <sched.h>

namespace revoked::engine {

void set_up_this_thread(const char* name, Urgency urgency) {
  pthread_setname_np(pthread_self(), name);
  if (urgency == Urgency::usual) return;
  const sched_param parameters{};
  pthread_setschedparam(pthread_self(), urgency == Urgency::idle ? SCHED_IDLE : SCHED_BATCH, &parameters);
}

}  // namespace revoked::engine
