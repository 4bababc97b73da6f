/* librevoked-gateway: checks API keys in the process of a service, without HTTP.

   A gateway keeps the decisions that it has asked the engine for, follows the engine's invalidations, and denies
   when it cannot know: what revoked-gateway does, with the same options and the same answers. A check of a key that
   it knows takes a fraction of a microsecond and no system call.

     const char *options[] = {"--engine", "http://127.0.0.1:7385", "--engine-key-file", "/etc/revoked/gateway.key", NULL};
     char error[256];
     revoked_gateway *gateway = revoked_open(options, NULL, NULL, error, sizeof error);
     if (gateway == NULL) { fprintf(stderr, "%s\n", error); exit(1); }
     ...
     if (!revoked_check(gateway, secret, strlen(secret), NULL, -1, NULL)) return deny(request);

   Threads   Any thread may call any function at any time, several at once. A gateway has one thread of its own, and
             a second one once something is watched. All signals are blocked in them, and no handler is installed.
             revoked_open and revoked_close must not be called from the log callback.
   Memory    The caller owns what it passes; nothing of it is used after the call, except the log callback and its
             context until revoked_close has returned, and the secret of a watched key, of which a copy is kept.
             Each gateway that was opened keeps a few bytes for good, so that its pointer stays safe to use.
   Failure   Nothing throws, aborts or writes to standard output or error. Whatever goes wrong, a check denies.
   fork      A gateway exists only in the process that opened it: in a child, which has none of its threads, it denies
             as REVOKED_UNAVAILABLE, and revoked_close does nothing. Open after the last fork; a child may open its own.
             Descriptors are closed on exec.
   exit      exit() closes the gateways that are still open, which tells the engine that they are gone. The library is
             not unloaded by dlclose().
   Binary    Functions, constants and members keep their meaning within one soname. Structures grow at the end:
   interface `size` says how much of one the caller knows. Options are names, so that there may be more of them.
   Units     Times are milliseconds; points in time are of the Unix epoch. Text is UTF-8 and ends in a NUL. */
#ifndef REVOKED_GATEWAY_H
#define REVOKED_GATEWAY_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define REVOKED_API __attribute__((visibility("default")))
#else
#define REVOKED_API
#endif

/* Names in the style of C. NOLINTBEGIN(readability-identifier-naming) */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct revoked_gateway revoked_gateway;

/* Why a key is allowed or denied: as /check of revoked-gateway (its status and X-Revoked-Reason). */
enum revoked_result {
  REVOKED_UNAVAILABLE = 0, /* 503: the engine did not answer in time, or this gateway is not open, or has failed */
  REVOKED_ALLOW = 1,       /* 200 */
  REVOKED_MISSING = 2,     /* 401: no secret */
  REVOKED_UNKNOWN = 3,     /* 401: no key has this secret, or it cannot be one */
  REVOKED_REVOKED = 4,     /* 403 */
  REVOKED_EXPIRED = 5,     /* 403 */
  REVOKED_SUSPENDED = 6,   /* 403 */
  REVOKED_LOCKED = 7,      /* 403: its user, application or workspace is locked */
  REVOKED_STALE = 8,       /* 503: what this gateway knows may be outdated, and it is to deny then (--when-stale) */
  REVOKED_UNDECIDED = 9    /* the engine would have to be asked, and the call was not to wait */
};

/* The longest texts of a decision take less, but for permissions (see below). */
#define REVOKED_TEXT_SIZE 4096

/* A decision about a key. The strings are in `text`: they are valid as long as the structure, where it is. They are
   never null; empty where there is nothing. A user's id is unique only within its workspace. */
typedef struct revoked_decision {
  size_t size;          /* set by the caller: sizeof(revoked_decision). Without it a check denies */
  int32_t result;       /* enum revoked_result */
  int32_t is_stale;     /* 1: decided while stale (--when-stale ask or serve) */
  const char *reason;   /* the result as a word: "allowed", "revoked", ...; valid for good */
  int64_t expires_at;   /* of an allowed key: when it ends by itself; 0: never */
  uint64_t epoch;       /* the decision includes every event of the engine up to the position epoch-sequence; */
  uint64_t sequence;    /* 0-0: the engine has not decided */
  const char *key_id;   /* this and the owners: of every key that is known, also a denied one */
  const char *user;
  const char *application;
  const char *workspace;
  const char *permissions;      /* of an allowed key, separated by one space */
  int32_t permissions_are_cut;  /* 1: there are more permissions than `text` has room for; those given are whole */
  int32_t reserved;
  char text[REVOKED_TEXT_SIZE];
} revoked_decision;

enum revoked_coverage {
  REVOKED_COVERAGE_STALE = 0,     /* the last proof that no event is missing is older than --stale-after */
  REVOKED_COVERAGE_REPAIRING = 1, /* events are missing and being read: the engine is asked about each key */
  REVOKED_COVERAGE_CURRENT = 2
};

/* How a gateway is. */
typedef struct revoked_gateway_status {
  size_t size;               /* set by the caller: sizeof(revoked_gateway_status) */
  const char *version;       /* of the library; valid for good */
  int32_t coverage;          /* enum revoked_coverage */
  int32_t has_failed;        /* 1: by a bug or for want of memory; denies until it is closed */
  int32_t redis_connected;   /* 1 or 0 */
  int32_t feed_connected;    /* to the engine's stream */
  uint64_t epoch;            /* the position reached; 0-0: none yet */
  uint64_t sequence;
  int64_t since_proof;       /* since the last proof that no event is missing; -1: there was none */
  uint64_t cached;           /* decisions in memory */
  uint64_t watches;          /* that are held */
  uint64_t hits;             /* checks answered from memory */
  uint64_t misses;           /* checks that were not */
  uint64_t questions;        /* to the engine */
  uint64_t failed_questions; /* without an answer */
  uint64_t invalidations;    /* events applied */
  char last_error[256];      /* "engine: connection refused"; empty: none yet. It may be over */
} revoked_gateway_status;

/* Told what the gateway has to say, on its thread: `source` is "redis", "feed", "engine", "follower", "coverage", ...
   Few lines: repeated ones are left out. Must not block: while it runs, nothing is followed. */
typedef void (*revoked_log)(void *context, const char *source, const char *line);

/* Opens a gateway. `options` are names and values in turn, and then NULL: those of revoked-gateway that are not about
   its HTTP server (docs/library.md lists them), and
     --engine-credential   the key itself, instead of --engine-key-file
     --question-timeout    how long the engine may take to answer, "1s"
     --ready-within        how long to wait here until the gateway is current, "3s"; "0": not at all
   A gateway that is not current by then is open all the same, and denies until it is.
   `log` may be null. Returns null if an option or a file is wrong, and why in `error`, cut to `error_size` bytes. */
REVOKED_API revoked_gateway *revoked_open(const char *const options[], revoked_log log, void *log_context, char *error,
                                          size_t error_size);

/* Whether a key is allowed: 1, or else 0. `secret` is what the client presented: `secret_size` bytes, without a NUL.
   `client` is the client's IP address as text, for the engine's record of attempts with revoked keys, or null.
   `decision` says why, and whose the key is; null if only the answer matters.

   A key that is not in memory is asked about, which blocks until the engine has answered, at most `timeout` ms;
   negative: at most --question-timeout; 0: never, and the result is REVOKED_UNDECIDED: for an event loop, which calls
   again on another thread. Questions of all threads share a few connections. The same key is in memory afterwards,
   an unknown one for 200 ms. Never blocks for anything else. */
REVOKED_API int revoked_check(revoked_gateway *gateway, const char *secret, size_t secret_size, const char *client,
                              int timeout, revoked_decision *decision);

/* Tells once a key is denied, for what stays open after a check: a WebSocket, a stream. Checks as revoked_check does, with
   the same `timeout` for a question (and waits for the gateway's thread, some microseconds), and returns a descriptor of the caller,
   or else -1: not allowed, or, with REVOKED_UNAVAILABLE, no room (--watches, --watches-per-key, open files).

   The descriptor becomes readable once the key is denied for whatever reason: what can be read then is that reason
   ("revoked", "expired", "stale", ...), and then the end. An end without a reason means that the gateway was closed:
   check again. close() of the descriptor, at any time, ends the watch; nothing need be told. It is a socket, in
   blocking mode: poll, epoll, libuv and asyncio take it, and no callback runs on a thread that the caller's language
   does not know. A watch takes two descriptors; one for a key is enough for all that the key has open. */
REVOKED_API int revoked_watch(revoked_gateway *gateway, const char *secret, size_t secret_size, const char *client,
                              int timeout, revoked_decision *decision);

/* Writes the status. Returns 1, or 0 if the gateway is not open (and then only version and has_failed). */
REVOKED_API int revoked_status(revoked_gateway *gateway, revoked_gateway_status *status);

/* Closes a gateway: calls that wait on other threads deny at once, what is watched ends without a reason, a last report
   is sent to the engine (at most half a second). Returns when all of that is over and the gateway's threads have
   ended. The pointer stays valid: later calls deny, and closing again does nothing. Null is allowed. */
REVOKED_API void revoked_close(revoked_gateway *gateway);

#ifdef __cplusplus
}
#endif

/* NOLINTEND(readability-identifier-naming) */

#endif
