/* setup.c - a catalog, a tree, and leases on what runs. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenario.h"

struct test_host host;
struct test_launcher launcher;
int processes;
plugreload_engine* engine;
const char* const namespaces[3] = {"", "team", "team/project"};

void open_engine(const char* run_directory) {
  static const char* const names[] = {"objects"};
  plugreload_host table;
  plugreload_launcher_ops ops;
  const plugreload_launcher_ops* launchers[1];
  plugreload_options options;
  test_host_init(&host, &table);
  test_launcher_init(&launcher, &ops);
  launchers[0] = &ops;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.flags = PLUGRELOAD_ALLOW_UNHASHED | PLUGRELOAD_TRACK_LEASES;
  options.host = &table;
  options.node = "c-node and more"; /* the length ends it */
  options.node_len = 6;
  options.run_directory = run_directory;
  options.run_directory_len = NTS;
  options.launcher_names = names;
  options.launchers = launchers;
  options.launcher_count = 1;
  OK(plugreload_engine_open(&options, &engine, &error));
  /* The structs may go when the call returns. */
  memset(&table, 0xee, sizeof table);
  memset(&ops, 0xee, sizeof ops);
  memset(&options, 0xee, sizeof options);
}

plugreload_code register_version(const char* version, const char* program) {
  char command[512];
  plugreload_plugin plugin;
  memset(&plugin, 0, sizeof plugin);
  plugin.struct_size = sizeof plugin;
  plugin.type = SECRET;
  plugin.name = "kv";
  plugin.name_len = 2;
  plugin.version = version;
  plugin.version_len = NTS;
  plugin.start_timeout_ms = PATIENCE;
  if (processes) {
    snprintf(command, sizeof command, "%s/%s", PLUGRELOAD_TEST_PLUGINS, program);
    plugin.command = command;
    plugin.command_len = NTS;
  } else {
    plugin.launcher = "objects";
    plugin.launcher_len = NTS;
  }
  return plugreload_plugin_register(engine, &plugin, PLUGRELOAD_DEFAULT, &error);
}

void pin(const char* version) {
  OK(plugreload_plugin_pin(engine, SECRET, "kv", 2, version, NTS, PLUGRELOAD_DEFAULT, &error));
}

plugreload_code mount_in(const char* ns, const char* path, uint32_t flags) {
  static const char* const keys[] = {"color", "refuse"};
  static const char* const values[] = {"red", "v3.0.0"};
  plugreload_mount mount;
  memset(&mount, 0, sizeof mount);
  mount.struct_size = sizeof mount;
  mount.type = SECRET;
  mount.ns = ns;
  mount.ns_len = strlen(ns);
  mount.path = path;
  mount.path_len = NTS;
  mount.plugin = "kv-and-more";
  mount.plugin_len = 2;
  mount.option_keys = keys;
  mount.option_values = values;
  mount.option_count = strcmp(ns, "team") == 0 ? 2 : 1;
  mount.flags = flags;
  return plugreload_mount_add(engine, &mount, PATIENCE, &error);
}

void fill_catalog_and_tree(void) {
  plugreload_namespaces* list = NULL;
  int i;
  check_part("catalog and tree");
  OK(register_version("1.0", "good")); /* made canonical: v1.0.0 */
  OK(register_version("v2.0.0", "good"));
  pin("v1.0.0");
  REFUSED(PLUGRELOAD_NOT_FOUND, "plugin_not_found",
          plugreload_plugin_pin(engine, SECRET, "kv", 2, "v7.0.0", 6, PLUGRELOAD_DEFAULT, &error));
  REFUSED(PLUGRELOAD_FAILED_PRECONDITION, "pinned_version",
          plugreload_plugin_deregister(engine, SECRET, "kv", 2, "v1.0.0", 6, 1000, &error));
  for (i = 1; i < 3; ++i) {
    OK(plugreload_namespace_create(engine, namespaces[i], NTS, PLUGRELOAD_DEFAULT, &error));
  }
  OK(plugreload_namespace_list(engine, NULL, 0, &list, &error));
  CHECK(plugreload_namespaces_count(list) == 2);
  TEXT("team/", plugreload_namespaces_path(list, 0, &len));
  TEXT("team/project/", plugreload_namespaces_path(list, 1, &len));
  TEXT("", plugreload_namespaces_path(list, 2, &len));
  plugreload_namespaces_free(list);
  for (i = 0; i < 3; ++i) OK(mount_in(namespaces[i], "kv", 0));
  REFUSED(PLUGRELOAD_ALREADY_EXISTS, "path_in_use", mount_in("team", "kv/", 0));
  OK(plugreload_engine_wait_ready(engine, PATIENCE, &error));
}

void list_mounts(void) {
  plugreload_mounts* mounts = NULL;
  size_t i;
  check_part("list of mounts");
  OK(plugreload_mount_list(engine, "", 0, PLUGRELOAD_REACH_SUBTREE, &mounts, &error));
  CHECK(plugreload_mounts_count(mounts) == 3);
  TEXT("team/", plugreload_mounts_namespace(mounts, 1, &len));
  for (i = 0; i < 3; ++i) {
    TEXT("kv/", plugreload_mounts_path(mounts, i, &len));
    TEXT("kv", plugreload_mounts_plugin(mounts, i, &len));
    TEXT("v1.0.0", plugreload_mounts_running_version(mounts, i, &len));
    TEXT("", plugreload_mounts_error(mounts, i, &len));
    CHECK(plugreload_mounts_accessor(mounts, i, NULL)[0] != '\0');
    CHECK(plugreload_mounts_type(mounts, i) == SECRET);
    CHECK(plugreload_mounts_state(mounts, i) == PLUGRELOAD_MOUNT_SERVING);
    CHECK(plugreload_mounts_generation(mounts, i) > 0);
    CHECK((plugreload_mounts_pid(mounts, i) > 0) == processes);
  }
  CHECK(plugreload_mounts_generation(mounts, 3) == 0);
  plugreload_mounts_free(mounts);
  mounts = NULL;
  OK(plugreload_mount_list(engine, "team", 4, PLUGRELOAD_REACH_NAMESPACE, &mounts, &error));
  CHECK(plugreload_mounts_count(mounts) == 1);
  plugreload_mounts_free(mounts);
}

/* Takes a lease in each namespace and looks at it. */
void use_leases(const char* version) {
  int i;
  for (i = 0; i < 3; ++i) {
    static const char path[] = "kv/data/a?b";
    plugreload_lease lease = PLUGRELOAD_LEASE_INIT, moved;
    OK(plugreload_lease_acquire(engine, namespaces[i], NTS, path, 9, PATIENCE, &lease, &error));
    memcpy(&moved, &lease, sizeof moved);
    memset(&lease, 0, sizeof lease);
    TEXT(version, plugreload_lease_version(&moved, &len));
    TEXT("kv/", plugreload_lease_mount_path(&moved, &len));
    TEXT("kv", plugreload_lease_plugin(&moved, &len));
    CHECK(plugreload_lease_rest(&moved, &len) == path + 3 && len == 6);
    CHECK(strncmp(plugreload_lease_namespace(&moved, NULL), namespaces[i], strlen(namespaces[i])) ==
          0);
    CHECK(plugreload_lease_instance(&moved, &len)[0] != '\0');
    CHECK(strlen(plugreload_lease_instance(&moved, &len)) == len);
    TEXT("red", plugreload_lease_option(&moved, "colors", 5, &len));
    CHECK(plugreload_lease_option(&moved, "colors", NTS, NULL) == NULL);
    CHECK(plugreload_lease_generation(&moved) > 0);
    CHECK(strcmp((const char*)plugreload_lease_attached(&moved) + 8, version) == 0);
    if (processes) {
      TEXT("http", plugreload_lease_protocol(&moved, &len));
      CHECK(strncmp(plugreload_lease_endpoint(&moved, NULL), "unix:/", 6) == 0);
      CHECK(access(plugreload_lease_endpoint(&moved, NULL) + 5, F_OK) == 0);
      CHECK(plugreload_lease_pid(&moved) > 0 && plugreload_lease_protocol_version(&moved) == 1);
    } else {
      const struct object* object = plugreload_lease_object(&moved);
      CHECK(object != NULL && strcmp(object->version, version) == 0);
      TEXT("", plugreload_lease_endpoint(&moved, &len));
    }
    plugreload_lease_release(&moved);
    plugreload_lease_release(&moved);
    CHECK(plugreload_lease_generation(&moved) == 0);
  }
}
