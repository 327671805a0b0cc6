/* test_host.h - a host in C: allows the token "root", counts what the library asks of it, and
 * makes instances of its own. A text with "hunter" is a secret. */
#ifndef PLUGRELOAD_TESTS_CAPI_TEST_HOST_H_
#define PLUGRELOAD_TESTS_CAPI_TEST_HOST_H_

#include <pthread.h>

#include "plugreload/plugreload.h"

/* Of plugreload_host. Guarded by the mutex. */
struct test_host {
  pthread_mutex_t mutex;
  plugreload_engine* engine; /* set when it is open */
  int authorised, refused, lines, attached, detached, destroyed, events;
  int audited, told_secrets;
  char last_audit[256];                /* "POST team/|sys/mounts/kv /kv [kv/] allowed 204" */
  plugreload_code acquire_in_callback; /* what a waiting acquire in attach was answered */
};
void test_host_init(struct test_host* host, plugreload_host* table);

/* An instance of the callback launcher. */
struct object {
  char version[32];
  char mount[64];
};

/* Of plugreload_launcher_ops. Its start fails for version v9.0.0, and for a mount whose option
 * "refuse" is the version. Guarded by the mutex. */
struct test_launcher {
  pthread_mutex_t mutex;
  int started, stopped, destroyed;
};
void test_launcher_init(struct test_launcher* launcher, plugreload_launcher_ops* table);

#endif /* PLUGRELOAD_TESTS_CAPI_TEST_HOST_H_ */
