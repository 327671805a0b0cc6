/* c_store.c ENDPOINT - an engine on the etcd store, through its table: what it is told is there
 * again when another engine opens the store. Strict C99, links what a C host links. */
#include <string.h>

#include "capi/check.h"
#include "plugreload/plugreload_etcd.h"

#define NTS PLUGRELOAD_NTS

static plugreload_engine* open_on(const char* endpoint) {
  plugreload_etcd_options etcd;
  plugreload_store_ops store;
  plugreload_options options;
  plugreload_engine* engine = NULL;
  memset(&etcd, 0, sizeof etcd);
  etcd.struct_size = sizeof etcd;
  etcd.endpoints = &endpoint;
  etcd.endpoint_count = 1;
  etcd.prefix = "c/";
  etcd.prefix_len = 2;
  memset(&store, 0, sizeof store);
  store.struct_size = sizeof store;
  OK(plugreload_etcd_store(&etcd, &store, &error));
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.flags = PLUGRELOAD_ALLOW_UNHASHED;
  options.store = &store;
  OK(plugreload_engine_open(&options, &engine, &error));
  return engine;
}

static plugreload_plugin plugin_of(const char* version) {
  plugreload_plugin plugin;
  memset(&plugin, 0, sizeof plugin);
  plugin.struct_size = sizeof plugin;
  plugin.type = PLUGRELOAD_TYPE_SECRET;
  plugin.name = "kv";
  plugin.name_len = 2;
  plugin.version = version;
  plugin.version_len = NTS;
  plugin.command = "/bin/true";
  plugin.command_len = NTS;
  return plugin;
}

static void bad_options(void) {
  plugreload_etcd_options etcd;
  plugreload_store_ops store;
  memset(&etcd, 0, sizeof etcd);
  etcd.struct_size = sizeof etcd;
  memset(&store, 0, sizeof store);
  store.struct_size = sizeof store;
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "invalid_etcd_options",
          plugreload_etcd_store(&etcd, &store, &error));
}

int main(int argc, char** argv) {
  plugreload_plugin plugin = plugin_of("v1.0.0");
  plugreload_engine* engine;
  if (argc != 2) return 2;
  check_part("bad options");
  bad_options();
  check_part("first engine");
  engine = open_on(argv[1]);
  if (engine == NULL) return 1;
  OK(plugreload_namespace_create(engine, "team", 4, PLUGRELOAD_DEFAULT, &error));
  OK(plugreload_plugin_register(engine, &plugin, PLUGRELOAD_DEFAULT, &error));
  OK(plugreload_plugin_pin(engine, plugin.type, "kv", 2, "v1.0.0", NTS, PLUGRELOAD_DEFAULT,
                           &error));
  OK(plugreload_engine_close(engine, PLUGRELOAD_DEFAULT, &error));
  plugreload_engine_free(engine);
  check_part("second engine");
  engine = open_on(argv[1]);
  if (engine == NULL) return 1;
  REFUSED(PLUGRELOAD_ALREADY_EXISTS, "namespace_exists",
          plugreload_namespace_create(engine, "team", 4, PLUGRELOAD_DEFAULT, &error));
  REFUSED(PLUGRELOAD_FAILED_PRECONDITION, "pinned_version",
          plugreload_plugin_deregister(engine, plugin.type, "kv", 2, "v1.0.0", NTS,
                                       PLUGRELOAD_DEFAULT, &error));
  plugreload_engine_free(engine);
  return check_result();
}
