#include <plugreload/plugreload_goplugin.h>
#include <stdio.h>
#include <string.h>

static plugreload_code fail(plugreload_error* error) {
  const plugreload_code code = plugreload_error_code(error);
  fprintf(stderr, "%s\n", plugreload_error_message(error, NULL));
  plugreload_error_free(error);
  return code;
}

static plugreload_code run(plugreload_engine* engine, const char* command) {
  static const int32_t versions[] = {1};
  plugreload_plugin plugin = {sizeof plugin};
  plugreload_mount mount = {sizeof mount};
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  plugreload_error* error = NULL;
  plugin.type = mount.type = PLUGRELOAD_TYPE_SECRET;
  plugin.name = mount.plugin = mount.path = "kv";
  plugin.name_len = mount.plugin_len = mount.path_len = 2;
  plugin.launcher = "goplugin";
  plugin.launcher_len = PLUGRELOAD_NTS;
  plugin.command = command;
  plugin.command_len = PLUGRELOAD_NTS;
  plugin.cookie_key = "PLUGRELOAD_EXAMPLE";
  plugin.cookie_key_len = PLUGRELOAD_NTS;
  plugin.cookie_value = "kv";
  plugin.cookie_value_len = PLUGRELOAD_NTS;
  plugin.protocol_versions = versions;
  plugin.protocol_version_count = 1;
  if (plugreload_plugin_register(engine, &plugin, PLUGRELOAD_DEFAULT, &error) != PLUGRELOAD_OK ||
      plugreload_mount_add(engine, &mount, PLUGRELOAD_DEFAULT, &error) != PLUGRELOAD_OK ||
      plugreload_lease_acquire(engine, "", 0, "kv/a", 4, 10000, &lease, &error) != PLUGRELOAD_OK) {
    return fail(error);
  }
  printf("C %.5s %s\n", plugreload_goplugin_target(plugreload_lease_object(&lease), NULL),
         plugreload_goplugin_server_name(plugreload_lease_object(&lease), NULL));
  plugreload_lease_release(&lease);
  return PLUGRELOAD_OK;
}

/* main.c PLUGIN: mounts it and says where it serves. */
int main(int argc, char** argv) {
  static const char* const name = "goplugin";
  plugreload_launcher_ops launcher = {sizeof launcher};
  const plugreload_launcher_ops* launchers = &launcher;
  plugreload_options options = {sizeof options};
  plugreload_engine* engine = NULL;
  plugreload_error* error = NULL;
  plugreload_code code;
  if (argc != 2) return 2;
  if (plugreload_goplugin_launcher(NULL, &launcher, &error) != PLUGRELOAD_OK) return fail(error);
  options.flags = PLUGRELOAD_ALLOW_UNHASHED;
  options.launcher_names = &name;
  options.launchers = &launchers;
  options.launcher_count = 1;
  if (plugreload_engine_open(&options, &engine, &error) != PLUGRELOAD_OK) return fail(error);
  code = run(engine, argv[1]);
  plugreload_engine_free(engine);
  return code;
}
