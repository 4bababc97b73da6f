#pragma once
// Name and scheduling of the calling thread.

namespace revoked::engine {

// How the kernel schedules this thread against running ones (sched(7)).
enum class Urgency {
  usual,
  // SCHED_BATCH: does not preempt other threads. If a thread that keeps running wakes it, it starts once that
  // thread pauses, and sees all of its work as one batch.
  gathering,
  idle,  // SCHED_BATCH with nice 19
};

// `name` (at most 15 characters) is shown by ps, top and perf. Settings that the kernel refuses are skipped.
void set_up_this_thread(const char* name, Urgency urgency = Urgency::usual);

}  // namespace revoked::engine
