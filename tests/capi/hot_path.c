/* hot_path.c - acquire and release allocate nothing once a thread is known. The program counts by
 * being malloc itself, so it is not built with sanitizers. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "test_host.h"

extern void* __libc_malloc(size_t size);
extern void* __libc_calloc(size_t count, size_t size);
extern void* __libc_realloc(void* old, size_t size);

static volatile int counting; /* of the main thread alone: others may well allocate meanwhile */
static pthread_t counted;
static long allocations;

static void count(void) {
  if (counting && pthread_equal(counted, pthread_self())) ++allocations;
}

void* malloc(size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* old, size_t size) {
  count();
  return __libc_realloc(old, size);
}

static plugreload_engine* serve(struct test_launcher* launcher) {
  static const char* const name = "objects";
  plugreload_launcher_ops ops;
  const plugreload_launcher_ops* table = &ops;
  plugreload_options options;
  plugreload_plugin plugin;
  plugreload_mount mount;
  plugreload_engine* engine = NULL;
  test_launcher_init(launcher, &ops);
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.flags = PLUGRELOAD_ALLOW_UNHASHED;
  options.launcher_names = &name;
  options.launchers = &table;
  options.launcher_count = 1;
  memset(&plugin, 0, sizeof plugin);
  plugin.struct_size = sizeof plugin;
  plugin.launcher = name;
  plugin.launcher_len = PLUGRELOAD_NTS;
  memset(&mount, 0, sizeof mount);
  mount.struct_size = sizeof mount;
  plugin.type = mount.type = PLUGRELOAD_TYPE_SECRET;
  plugin.name = mount.plugin = mount.path = "kv";
  plugin.name_len = mount.plugin_len = mount.path_len = 2;
  OK(plugreload_engine_open(&options, &engine, &error));
  OK(plugreload_namespace_create(engine, "team", 4, PLUGRELOAD_DEFAULT, &error));
  OK(plugreload_plugin_register(engine, &plugin, PLUGRELOAD_DEFAULT, &error));
  mount.ns = "team";
  mount.ns_len = 4;
  OK(plugreload_mount_add(engine, &mount, PLUGRELOAD_DEFAULT, &error));
  return engine;
}

int main(void) {
  struct test_launcher launcher;
  plugreload_engine* engine = serve(&launcher);
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  plugreload_error* refused = NULL;
  int i, held = 0;
  check_part("hot path");
  OK(plugreload_lease_acquire(engine, "team", 4, "kv/a", 4, 1000, &lease, &error));
  plugreload_lease_release(&lease);

  counted = pthread_self();
  counting = 1;
  for (i = 0; i < 10000; ++i) {
    /* By the header and by the path, with an error wanted and not. */
    held += plugreload_lease_acquire(engine, "team", 4, "kv/some/path", 12, 1000, &lease, NULL) ==
            PLUGRELOAD_OK;
    held += plugreload_lease_endpoint(&lease, NULL)[0] == '\0';
    plugreload_lease_release(&lease);
    held += plugreload_lease_acquire(engine, "", 0, "team/kv/some", 12, 0, &lease, &refused) ==
            PLUGRELOAD_OK;
    plugreload_lease_release(&lease);
  }
  counting = 0;
  CHECK(held == 3 * 10000);
  CHECK(allocations == 0);
  counting = 1;
  free(malloc(1));
  counting = 0;
  CHECK(allocations == 1); /* that the count counts */
  plugreload_engine_free(engine);
  CHECK(launcher.destroyed == 1);
  return check_result();
}
