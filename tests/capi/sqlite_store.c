/* sqlite_store.c - an engine on the SQLite store, through its table: what it is told is there again
 * when another engine opens the file. And a store of the host's own, with its mistakes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "memory_store.h"
#include "plugreload/plugreload_sqlite.h"
#include "test_host.h"

#define NTS PLUGRELOAD_NTS
#define SECRET PLUGRELOAD_TYPE_SECRET

static struct test_launcher launcher;
static char run_directory[256];

/* An engine on this store, with the launcher for objects of the host. */
static plugreload_code open_on(const plugreload_store_ops* store, plugreload_engine** engine) {
  static const char* const names[] = {"objects"};
  plugreload_launcher_ops ops;
  const plugreload_launcher_ops* launchers[1];
  plugreload_options options;
  test_launcher_init(&launcher, &ops);
  launchers[0] = &ops;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.flags = PLUGRELOAD_ALLOW_UNHASHED;
  options.run_directory = run_directory;
  options.run_directory_len = NTS;
  options.launcher_names = names;
  options.launchers = launchers;
  options.launcher_count = 1;
  options.store = store;
  return plugreload_engine_open(&options, engine, &error);
}

static plugreload_code open_file(const char* path, plugreload_store_ops* store) {
  plugreload_sqlite_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.path = path;
  options.path_len = NTS;
  memset(store, 0, sizeof *store);
  store->struct_size = sizeof *store;
  return plugreload_sqlite_store(&options, store, &error);
}

static void fill(plugreload_engine* engine) {
  plugreload_plugin plugin;
  plugreload_mount mount;
  memset(&plugin, 0, sizeof plugin);
  plugin.struct_size = sizeof plugin;
  plugin.type = SECRET;
  plugin.name = "kv";
  plugin.name_len = 2;
  plugin.version = "v1.0.0";
  plugin.version_len = NTS;
  plugin.launcher = "objects";
  plugin.launcher_len = NTS;
  OK(plugreload_plugin_register(engine, &plugin, PLUGRELOAD_DEFAULT, &error));
  plugin.version = "v2.0.0";
  OK(plugreload_plugin_register(engine, &plugin, PLUGRELOAD_DEFAULT, &error));
  OK(plugreload_plugin_pin(engine, SECRET, "kv", 2, "v2.0.0", NTS, PLUGRELOAD_DEFAULT, &error));
  OK(plugreload_namespace_create(engine, "team", 4, PLUGRELOAD_DEFAULT, &error));
  memset(&mount, 0, sizeof mount);
  mount.struct_size = sizeof mount;
  mount.type = SECRET;
  mount.ns = "team";
  mount.ns_len = 4;
  mount.path = "kv/";
  mount.path_len = 3;
  mount.plugin = "kv";
  mount.plugin_len = 2;
  OK(plugreload_mount_add(engine, &mount, PLUGRELOAD_DEFAULT, &error));
}

static void serves(plugreload_engine* engine, const char* version) {
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  OK(plugreload_engine_wait_ready(engine, 20000, &error));
  OK(plugreload_lease_acquire(engine, "team", 4, "kv/x", 4, 20000, &lease, &error));
  TEXT(version, plugreload_lease_version(&lease, &len));
  plugreload_lease_release(&lease);
}

static void end(plugreload_engine* engine) {
  OK(plugreload_engine_close(engine, 20000, &error));
  plugreload_engine_free(engine);
  CHECK(launcher.destroyed == 1 && launcher.started == launcher.stopped);
}

static void reopen_the_file(const char* path) {
  plugreload_store_ops store;
  plugreload_engine* engine = NULL;
  struct usage before = usage_now();
  check_part("the first engine on the file");
  OK(open_file(path, &store));
  OK(open_on(&store, &engine));
  memset(&store, 0xee, sizeof store); /* the table may go */
  fill(engine);
  serves(engine, "v2.0.0");
  end(engine);
  check_part("the second engine on the file");
  OK(open_file(path, &store));
  OK(open_on(&store, &engine));
  CHECK(launcher.started <= 1);
  serves(engine, "v2.0.0");
  end(engine);
  check_usage(before);
}

static void refusals(const char* path) {
  plugreload_store_ops store;
  plugreload_sqlite_options options;
  plugreload_engine* engine = NULL;
  check_part("refusals");
  REFUSED(PLUGRELOAD_FAILED_PRECONDITION, "store_directory",
          open_file("/nonexistent/store.db", &store));
  CHECK(store.commit == NULL && store.user_data == NULL);
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "invalid_sqlite_options",
          plugreload_sqlite_store(&options, &store, &error));
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "null_argument",
          plugreload_sqlite_store(NULL, &store, &error));
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "null_argument",
          plugreload_sqlite_store(&options, NULL, &error));
  options.path = path;
  options.path_len = NTS;
  store.struct_size = 8;
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "struct_size",
          plugreload_sqlite_store(&options, &store, &error));
  /* A table that no engine takes is destroyed by whoever has it. */
  OK(open_file(path, &store));
  store.destroy(store.user_data);
  /* An engine that does not open destroys it. */
  OK(open_file(path, &store));
  store.keep = NULL;
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "null_argument", open_on(&store, &engine));
  CHECK(engine == NULL);
}

static void store_of_the_host(void) {
  struct memory_store memory;
  plugreload_store_ops store;
  plugreload_engine* engine = NULL;
  struct usage before = usage_now();
  check_part("a store of the host's own");
  memory_store_init(&memory, &store);
  OK(open_on(&store, &engine));
  fill(engine);
  serves(engine, "v2.0.0");
  CHECK(memory.destroyed == 0 && memory.watches == 1 && memory.keepers == 1);
  /* What it says is what a person reads. */
  memory.refuse = 1;
  REFUSED(PLUGRELOAD_UNAVAILABLE, "tired",
          plugreload_namespace_create(engine, "more", 4, PLUGRELOAD_DEFAULT, &error));
  memory.refuse = 0;
  OK(plugreload_namespace_create(engine, "more", 4, PLUGRELOAD_DEFAULT, &error));
  /* A revision that came before ends the watch; the engine loads again and goes on. */
  memory_store_repeat(&memory);
  OK(plugreload_namespace_create(engine, "again", 5, PLUGRELOAD_DEFAULT, &error));
  end(engine);
  CHECK(memory.destroyed == 1 && memory.watches == 0 && memory.keepers == 0);
  memory_store_free(&memory);
  check_usage(before);
}

int main(void) {
  const char* temporary = getenv("TMPDIR");
  char path[512];
  snprintf(run_directory, sizeof run_directory, "%s/plr.XXXXXX",
           temporary != NULL && strlen(temporary) <= 32 ? temporary : "/tmp");
  if (mkdtemp(run_directory) == NULL) return 1;
  snprintf(path, sizeof path, "%s/store.db", temporary != NULL ? temporary : "/tmp");
  reopen_the_file(path);
  refusals(path);
  store_of_the_host();
  rmdir(run_directory);
  return check_result();
}
