/* A host, whole: PLUGRELOAD_DATA_DIR=DIR c_host PLUGIN_DIR RUN_DIR */
#include <plugreload/plugreload.h>
#include <stdio.h>

#define TEXT(field, text) .field = text, .field##_len = PLUGRELOAD_NTS
#define KV(v)                                                                                   \
  {                                                                                             \
    .struct_size = sizeof(plugreload_plugin), .type = PLUGRELOAD_TYPE_SECRET, TEXT(name, "kv"), \
    TEXT(version, v), TEXT(command, "kv-" v)                                                    \
  }
static const plugreload_plugin v1 = KV("v1.0.0"), v2 = KV("v2.0.0");
static const plugreload_mount mount = {.struct_size = sizeof(mount),
                                       .type = PLUGRELOAD_TYPE_SECRET,
                                       TEXT(path, "kv"),
                                       TEXT(plugin, "kv"),
                                       TEXT(version, "v1.0.0")};
static const plugreload_request request = {.struct_size = sizeof(request), TEXT(plugin, "kv")};
static const char* const inherit[] = {"PLUGRELOAD_DATA_DIR"};

int main(int argc, char** argv) {
  plugreload_options options = {.struct_size = sizeof(options),
                                .flags = PLUGRELOAD_ALLOW_UNHASHED,
                                TEXT(plugin_directory, argv[1]),
                                TEXT(run_directory, argv[argc - 1]),
                                .inherit_env = inherit,
                                .inherit_env_count = 1};
  plugreload_engine* engine = NULL;
  plugreload_error* error = NULL;
  plugreload_report* report = NULL;
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  int failed = plugreload_engine_open(&options, &engine, &error) ||
               plugreload_plugin_register(engine, &v1, 5000, &error) ||
               plugreload_plugin_register(engine, &v2, 5000, &error) ||
               plugreload_mount_add(engine, &mount, 9000, &error) ||
               plugreload_lease_acquire(engine, "", 0, "kv/greeting", 11, 1000, &lease, &error);
  printf("%s at %s\n", plugreload_lease_version(&lease, 0), plugreload_lease_endpoint(&lease, 0));
  plugreload_lease_release(&lease);
  failed = failed || plugreload_plugin_pin(engine, v2.type, "kv", 2, "v2.0.0", 6, 5000, &error) ||
           plugreload_reload_run(engine, &request, &report, &error);
  printf("kv/ now runs %s\n", plugreload_report_running_version(report, 0, 0));
  if (failed) fprintf(stderr, "%s\n", plugreload_error_message(error, 0));
  plugreload_error_free(error);
  plugreload_report_free(report);
  plugreload_engine_free(engine);
  return failed;
}
