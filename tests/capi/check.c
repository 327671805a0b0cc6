#include "check.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>

plugreload_error* error;
size_t len;

static const char* part = "";
static int checks;
static int failures;

void check_part(const char* name) { part = name; }

int check_result(void) {
  printf("%d checks, %d failed\n", checks, failures);
  return failures == 0 && checks > 0 ? 0 : 1;
}

static void failed(const char* file, int line, const char* what) {
  ++failures;
  fprintf(stderr, "%s:%d: [%s] %s", file, line, part, what);
}

void check_true(int holds, const char* what, const char* file, int line) {
  ++checks;
  if (holds) return;
  failed(file, line, what);
  fputs(" is false\n", stderr);
}

void check_code(plugreload_code got, plugreload_code want, const char* reason, const char* what,
                const char* file, int line) {
  const char* told = plugreload_error_reason(error, NULL);
  ++checks;
  if (got != want || got != plugreload_error_code(error) || strcmp(told, reason) != 0) {
    failed(file, line, what);
    fprintf(stderr, "\n  gave %s \"%s\": %s\n  wanted %s \"%s\"\n", plugreload_code_name(got), told,
            plugreload_error_message(error, NULL), plugreload_code_name(want), reason);
  } else if (got != PLUGRELOAD_OK && plugreload_error_message(error, NULL)[0] == '\0') {
    failed(file, line, what);
    fputs(" failed without a message\n", stderr);
  }
  plugreload_error_free(error);
  error = NULL;
}

void check_text(const char* got, const char* want, const char* what, const char* file, int line) {
  ++checks;
  if (got != NULL && strcmp(got, want) == 0 && len == strlen(want)) return;
  failed(file, line, what);
  fprintf(stderr, "\n  gave \"%s\" of length %lu, wanted \"%s\"\n", got == NULL ? "(null)" : got,
          (unsigned long)len, want);
}

static int entries(const char* path) {
  DIR* directory = opendir(path);
  int count = 0;
  if (directory == NULL) return -1;
  while (readdir(directory) != NULL) ++count;
  closedir(directory);
  return count;
}

struct usage usage_now(void) {
  struct usage usage;
  siginfo_t info;
  usage.descriptors = entries("/proc/self/fd");
  usage.threads = entries("/proc/self/task");
  memset(&info, 0, sizeof info);
  /* Succeeds as long as there is any child, ended or not. */
  usage.children = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  return usage;
}

void check_usage(struct usage before) {
  struct usage now = usage_now();
  int patience = 500;
  /* lint: allow-sleep a thread that was joined shows in /proc for a moment longer */
  while (now.threads != before.threads && --patience > 0) {
    poll(NULL, 0, 10); /* lint: allow-sleep the same */
    now = usage_now();
  }
  CHECK(now.descriptors == before.descriptors);
  CHECK(now.threads == before.threads);
  CHECK(now.children == before.children);
}
