/* Checks the keys of a file, one a line, and watches the first that is allowed until it is denied.
   cc check.c -lrevoked-gateway -o check && ENGINE_KEY_FILE=gateway.key ./check keys.txt */
#include <revoked_gateway.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *setting(const char *name, const char *usual) {
  const char *value = getenv(name);
  return value != NULL ? value : usual;
}

static int check(revoked_gateway *gateway, const char *secret, revoked_decision *decision) {
  decision->size = sizeof *decision;
  return revoked_check(gateway, secret, strlen(secret), NULL, -1, decision);
}

int main(int argc, char **argv) {
  const char *options[] = {"--engine",          setting("ENGINE", "http://127.0.0.1:7385"),
                           "--engine-key-file", setting("ENGINE_KEY_FILE", "/etc/revoked/gateway.key"),
                           "--redis",           setting("REDIS", ""),
                           NULL};
  static revoked_decision decision;
  revoked_gateway_status status = {.size = sizeof status};
  char error[256], secret[4097], watched[4097] = "", reason[32] = "";
  FILE *keys = argc > 1 ? fopen(argv[1], "r") : stdin;
  revoked_gateway *gateway = revoked_open(options, NULL, NULL, error, sizeof error);
  if (gateway == NULL || keys == NULL) {
    fprintf(stderr, "check: %s\n", gateway == NULL ? error : "cannot read the file");
    return 1;
  }

  while (fscanf(keys, "%4096s", secret) == 1) {
    if (check(gateway, secret, &decision)) {
      printf("allowed: %s of user '%s'\n", decision.key_id, decision.user);
      if (watched[0] == '\0') strcpy(watched, secret);
    } else {
      printf("%s\n", decision.reason);
    }
  }

  int descriptor = revoked_watch(gateway, watched, strlen(watched), NULL, -1, &decision);
  if (descriptor >= 0) {
    printf("watching\n");
    fflush(stdout);
    if (read(descriptor, reason, sizeof reason - 1) > 0) printf("denied: %s\n", reason);
    close(descriptor);
    check(gateway, watched, &decision);
    printf("now: %s\n", decision.reason);
  }

  revoked_status(gateway, &status);
  printf("status: %s, %llu in memory\n", status.coverage == REVOKED_COVERAGE_CURRENT ? "current" : "not current",
         (unsigned long long)status.cached);
  revoked_close(gateway);
  return 0;
}
