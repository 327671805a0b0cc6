#include "c_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugreload/plugreload.h"

struct CEngine {
  plugreload_engine* engine;
};

static int object;

static int told(plugreload_code code, plugreload_error** error) {
  if (code == PLUGRELOAD_OK) return 1;
  fprintf(stderr, "the C engine: %s\n", plugreload_error_message(*error, NULL));
  plugreload_error_free(*error);
  return 0;
}

static plugreload_code start(void* user_data, plugreload_launch* launch) {
  plugreload_launch_set_object(launch, user_data);
  return PLUGRELOAD_OK;
}

static int fill_catalog(plugreload_engine* engine) {
  plugreload_error* error = NULL;
  plugreload_plugin plugin;
  memset(&plugin, 0, sizeof plugin);
  plugin.struct_size = sizeof plugin;
  plugin.type = PLUGRELOAD_TYPE_SECRET;
  plugin.name = "kv";
  plugin.launcher = "objects";
  plugin.name_len = plugin.launcher_len = PLUGRELOAD_NTS;
  return told(plugreload_plugin_register(engine, &plugin, PLUGRELOAD_DEFAULT, &error), &error);
}

CEngine* c_engine_open(void) {
  static const char* const name = "objects";
  plugreload_launcher_ops ops;
  const plugreload_launcher_ops* table = &ops;
  plugreload_options options;
  plugreload_error* error = NULL;
  CEngine* made = malloc(sizeof *made);
  if (made == NULL) return NULL;
  memset(&ops, 0, sizeof ops);
  ops.struct_size = sizeof ops;
  ops.user_data = &object;
  ops.start = start;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.flags = PLUGRELOAD_ALLOW_UNHASHED;
  options.launcher_names = &name;
  options.launchers = &table;
  options.launcher_count = 1;
  if (!told(plugreload_engine_open(&options, &made->engine, &error), &error)) {
    free(made);
    return NULL;
  }
  if (fill_catalog(made->engine)) return made;
  c_engine_close(made);
  return NULL;
}

int c_engine_namespace(CEngine* engine, const char* ns, size_t len) {
  plugreload_error* error = NULL;
  return told(plugreload_namespace_create(engine->engine, ns, len, PLUGRELOAD_DEFAULT, &error),
              &error);
}

int c_engine_mount(CEngine* engine, const char* ns, size_t ns_len, const char* path, size_t len) {
  plugreload_error* error = NULL;
  plugreload_mount mount;
  memset(&mount, 0, sizeof mount);
  mount.struct_size = sizeof mount;
  mount.type = PLUGRELOAD_TYPE_SECRET;
  mount.ns = ns;
  mount.ns_len = ns_len;
  mount.path = path;
  mount.path_len = len;
  mount.plugin = "kv";
  mount.plugin_len = PLUGRELOAD_NTS;
  return told(plugreload_mount_add(engine->engine, &mount, PLUGRELOAD_DEFAULT, &error), &error);
}

size_t c_engine_lease(CEngine* engine, const c_request* requests, size_t mask, size_t operations,
                      uint64_t zero) {
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  size_t i, at = 0, got = 0;
  for (i = 0; i < operations; ++i) {
    const c_request* request = &requests[at & mask];
    got += plugreload_lease_acquire(engine->engine, request->ns, request->ns_len, request->path,
                                    request->path_len, 0, &lease, NULL) == PLUGRELOAD_OK;
    at += 1 + (size_t)(plugreload_lease_generation(&lease) & zero);
    plugreload_lease_release(&lease);
  }
  return got;
}

void c_engine_close(CEngine* engine) {
  plugreload_engine_free(engine->engine);
  free(engine);
}
