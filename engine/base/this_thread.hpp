#pragma once
// What the threads of the program tell the kernel about themselves.

namespace revoked::engine {

// How eagerly the kernel hands this thread a processor that another one is using (sched(7)).
enum class Urgency {
  usual,
  // Does not interrupt: waits until a processor is free or its turn comes. Woken by a thread that goes on
  // working, it finds all that this thread does until it pauses as one batch, instead of a piece of it.
  gathering,
  idle,  // little while others want to run: nice 19
};

// `name` (at most 15 characters) shows in ps, top and perf. What the kernel refuses is left as it was.
void set_up_this_thread(const char* name, Urgency urgency = Urgency::usual);

}  // namespace revoked::engine
