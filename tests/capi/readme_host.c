/* readme_host.c - a whole host in C: readme_host PLUGIN-EXECUTABLE */
#include <plugreload/plugreload.h>
#include <stdio.h>

int main(int argc, char** argv) {
  plugreload_options options = {.struct_size = sizeof options, .flags = PLUGRELOAD_ALLOW_UNHASHED};
  plugreload_plugin kv = {.struct_size = sizeof kv, .type = PLUGRELOAD_TYPE_SECRET};
  plugreload_mount mount = {.struct_size = sizeof mount, .type = PLUGRELOAD_TYPE_SECRET};
  plugreload_request request = {.struct_size = sizeof request, .plugin = "kv", .plugin_len = 2};
  plugreload_engine* engine = NULL;
  plugreload_report* report = NULL;
  plugreload_error* error = NULL;
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;

  kv.name = mount.path = mount.plugin = "kv";
  kv.name_len = mount.path_len = mount.plugin_len = kv.command_len = PLUGRELOAD_NTS;
  kv.command = argc > 1 ? argv[1] : "/usr/lib/my-server/plugins/kv";
  if (!plugreload_engine_open(&options, &engine, &error) &&
      !plugreload_plugin_register(engine, &kv, PLUGRELOAD_DEFAULT, &error) &&
      !plugreload_mount_add(engine, &mount, PLUGRELOAD_DEFAULT, &error) &&
      !plugreload_lease_acquire(engine, "", 0, "kv/a", 4, 1000, &lease, &error)) {
    printf("forward the request to %s\n", plugreload_lease_endpoint(&lease, NULL));
    plugreload_lease_release(&lease);
    if (!plugreload_reload_run(engine, &request, &report, &error))
      printf("reloaded %d mount(s)\n", (int)plugreload_report_reloaded_count(report));
  }
  fputs(plugreload_error_message(error, NULL), stderr);
  plugreload_report_free(report);
  plugreload_engine_free(engine);
  return error != NULL; /* and plugreload_error_free(error), if this were not the end */
}
