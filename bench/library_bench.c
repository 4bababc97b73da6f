/* bench-library ENGINE KEY_FILE KEYS: asks an engine for the decisions of KEYS keys, and then checks random
   ones of them in memory. Called by bench/measure-library, which makes the keys. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/library/revoked_gateway.h"

enum { secret_size = 44, batch = 512, batches = 4000, askers = 48 };

static revoked_gateway* gateway;
static unsigned long long keys;
static atomic_ullong next_key;
static atomic_ullong failures;

static void write_secret(unsigned long long number, char* secret) {
  snprintf(secret, secret_size + 1, "rvk_%040llu", number);
}

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void* ask(void* unused) {
  char secret[secret_size + 1];
  for (unsigned long long number; (number = atomic_fetch_add(&next_key, 1)) < keys;) {
    write_secret(number, secret);
    if (!revoked_check(gateway, secret, secret_size, NULL, 10000, NULL)) atomic_fetch_add(&failures, 1);
  }
  return unused;
}

struct checker {
  unsigned long long random;
  int with_decision;
  double seconds; /* of the checks alone, by the clock, */
  double cpu;     /* and of the processor */
};

/* The secrets are written before the clock starts: a service has them from its request. */
static void* check(void* argument) {
  struct checker* self = argument;
  static _Thread_local char secrets[batch][secret_size + 1];
  static _Thread_local revoked_decision decision;
  decision.size = sizeof decision;
  for (int round = 0; round < batches; ++round) {
    for (int i = 0; i < batch; ++i) {
      self->random = self->random * 6364136223846793005u + 1442695040888963407u;
      write_secret((self->random >> 33) % keys, secrets[i]);
    }
    const double begin = seconds(CLOCK_MONOTONIC);
    const double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < batch; ++i) {
      if (!revoked_check(gateway, secrets[i], secret_size, NULL, 0, self->with_decision ? &decision : NULL))
        atomic_fetch_add(&failures, 1);
    }
    self->cpu += seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    self->seconds += seconds(CLOCK_MONOTONIC) - begin;
  }
  return NULL;
}

static void measure(int threads, int with_decision) {
  struct checker checkers[2] = {{1, with_decision, 0, 0}, {2, with_decision, 0, 0}};
  pthread_t running[2];
  double rate = 0;
  double cpu = 0;
  for (int i = 0; i < threads; ++i) pthread_create(&running[i], NULL, check, &checkers[i]);
  for (int i = 0; i < threads; ++i) {
    pthread_join(running[i], NULL);
    rate += (double)batches * batch / checkers[i].seconds;
    cpu += checkers[i].cpu;
  }
  printf("%d thread%s, %s: %.2f M checks/s, %.0f ns of processor time each\n", threads,
         threads == 1 ? "" : "s", with_decision ? "with the decision" : "allowed or not", rate / 1e6,
         cpu * 1e9 / ((double)threads * batches * batch));
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const char* options[] = {"--engine", argv[1], "--engine-key-file", argv[2], "--cache-entries",
                           argv[3],    NULL};
  char error[256];
  pthread_t asking[askers];
  keys = strtoull(argv[3], NULL, 10);
  gateway = revoked_open(options, NULL, NULL, error, sizeof error);
  if (gateway == NULL) {
    fprintf(stderr, "bench-library: %s\n", error);
    return 1;
  }
  const double begin = seconds(CLOCK_MONOTONIC);
  for (int i = 0; i < askers; ++i) pthread_create(&asking[i], NULL, ask, NULL);
  for (int i = 0; i < askers; ++i) pthread_join(asking[i], NULL);
  printf("%llu decisions asked for by %d threads in %.1f s\n", keys, askers,
         seconds(CLOCK_MONOTONIC) - begin);
  for (int round = 0; round < 3; ++round) {
    for (int threads = 1; threads <= 2; ++threads) {
      measure(threads, 0);
      measure(threads, 1);
    }
  }
  if (failures != 0) printf("%llu checks were denied\n", (unsigned long long)failures);
  revoked_close(gateway);
  return failures != 0;
}
