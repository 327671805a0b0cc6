/* check.h - the smallest test frame in C: says what failed and goes on. */
#ifndef PLUGRELOAD_TESTS_CAPI_CHECK_H_
#define PLUGRELOAD_TESTS_CAPI_CHECK_H_

#include <stddef.h>

#include "plugreload/plugreload.h"

/* What `&error` and `&len` of the macros' arguments are. One thread only. */
extern plugreload_error* error;
extern size_t len;

/* The name of the part that runs, for messages. */
void check_part(const char* name);
/* Prints the count; 0 if nothing failed. */
int check_result(void);

void check_true(int holds, const char* what, const char* file, int line);
void check_code(plugreload_code got, plugreload_code want, const char* reason, const char* what,
                const char* file, int line);
void check_text(const char* got, const char* want, const char* what, const char* file, int line);

/* A condition. */
#define CHECK(condition) check_true((condition) != 0, #condition, __FILE__, __LINE__)
/* A call with `&error` as its last argument: succeeds, or is refused with this code and reason. */
#define OK(call) check_code((call), PLUGRELOAD_OK, "", #call, __FILE__, __LINE__)
#define REFUSED(want, reason, call) check_code((call), (want), (reason), #call, __FILE__, __LINE__)
/* A call with `&len` as its last argument. */
#define TEXT(want, call)                                  \
  do {                                                    \
    const char* text_ = (call);                           \
    check_text(text_, (want), #call, __FILE__, __LINE__); \
  } while (0)

/* What this process has open, to compare before and after. */
struct usage {
  int descriptors, threads, children;
};
struct usage usage_now(void);
/* Waits a while for what ends by itself, then checks that nothing came. */
void check_usage(struct usage before);

#endif /* PLUGRELOAD_TESTS_CAPI_CHECK_H_ */
