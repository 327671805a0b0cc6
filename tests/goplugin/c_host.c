/* c_host.c PLAIN_OR_MTLS PLUGIN_1 PLUGIN_2 DATABASE_PLUGIN - a host of the C ABI that runs Go
 * plugins: mounts one, calls it, reloads it, lets it crash, and registers one by what it says of
 * itself. Strict C99; links what a C host links, and gRPC's C core for its calls. */
#include <grpc/grpc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "call_plugin.h"
#include "capi/check.h"
#include "plugreload/plugreload_goplugin.h"

#define NTS PLUGRELOAD_NTS

static plugreload_engine* engine;

/* What the launcher's log function saw. */
static struct {
  pthread_mutex_t mutex;
  int lines, fields, destroyed;
} seen = {PTHREAD_MUTEX_INITIALIZER, 0, 0, 0};

static void on_log(void* user_data, int32_t level, const char* instance, size_t instance_len,
                   const char* message, size_t message_len, const char* const* names,
                   const size_t* name_lens, const char* const* values, const size_t* value_lens,
                   size_t value_count) {
  size_t i;
  (void)user_data;
  pthread_mutex_lock(&seen.mutex);
  seen.lines += strlen(instance) == instance_len && strlen(message) == message_len;
  for (i = 0; i < value_count; ++i) {
    seen.fields += level == PLUGRELOAD_LOG_WARN && name_lens[i] == 4 && value_lens[i] == 2 &&
                   memcmp(names[i], "free", 4) == 0 && memcmp(values[i], "17", 2) == 0;
  }
  pthread_mutex_unlock(&seen.mutex);
}
static void on_destroy(void* user_data) {
  (void)user_data;
  ++seen.destroyed;
}

static int32_t allow(void* user_data, const plugreload_access* access) {
  (void)user_data;
  (void)access;
  return PLUGRELOAD_ALLOW;
}

static int open_engine(int32_t security) {
  static const char* const name = "goplugin";
  plugreload_goplugin_options goplugin;
  plugreload_launcher_ops launcher;
  const plugreload_launcher_ops* launchers = &launcher;
  plugreload_host host;
  plugreload_options options;
  memset(&goplugin, 0, sizeof goplugin);
  goplugin.struct_size = sizeof goplugin;
  goplugin.security = security;
  goplugin.log = on_log;
  goplugin.destroy = on_destroy;
  memset(&launcher, 0, sizeof launcher);
  launcher.struct_size = sizeof launcher;
  goplugin.security = 7;
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "invalid_number",
          plugreload_goplugin_launcher(&goplugin, &launcher, &error));
  CHECK(seen.destroyed == 1);
  goplugin.security = security;
  OK(plugreload_goplugin_launcher(&goplugin, &launcher, &error));
  memset(&host, 0, sizeof host);
  host.struct_size = sizeof host;
  host.authorise = allow;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.flags = PLUGRELOAD_ALLOW_UNHASHED;
  options.host = &host;
  options.launcher_names = &name;
  options.launchers = &launchers;
  options.launcher_count = 1;
  options.dispatch_launchers = &name;
  options.dispatch_launcher_count = 1;
  OK(plugreload_engine_open(&options, &engine, &error));
  return engine != NULL;
}

static void register_version(const char* version, const char* command) {
  static const int32_t versions[] = {1};
  plugreload_plugin plugin;
  memset(&plugin, 0, sizeof plugin);
  plugin.struct_size = sizeof plugin;
  plugin.type = PLUGRELOAD_TYPE_SECRET;
  plugin.name = "kv";
  plugin.name_len = 2;
  plugin.version = version;
  plugin.version_len = NTS;
  plugin.launcher = "goplugin";
  plugin.launcher_len = NTS;
  plugin.command = command;
  plugin.command_len = NTS;
  plugin.cookie_key = "PLUGRELOAD_EXAMPLE";
  plugin.cookie_key_len = NTS;
  plugin.cookie_value = "kv";
  plugin.cookie_value_len = NTS;
  plugin.protocol_versions = versions;
  plugin.protocol_version_count = 1;
  OK(plugreload_plugin_register(engine, &plugin, PLUGRELOAD_DEFAULT, &error));
}

static void pin(const char* version) {
  OK(plugreload_plugin_pin(engine, PLUGRELOAD_TYPE_SECRET, "kv", 2, version, NTS,
                           PLUGRELOAD_DEFAULT, &error));
}

/* Takes a lease and asks the plugin; the version that answers is the lease's. */
static void use(const char* version, int tls) {
  static const char key[] = "\x0a\x01k"; /* GetRequest{1: "k"} */
  static const char value[] = "\x0a\x0avalue-of-k";
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  char answer[256];
  const void* object;
  int size;
  OK(plugreload_lease_acquire(engine, "", 0, "kv/a", 4, 10000, &lease, &error));
  TEXT(version, plugreload_lease_version(&lease, &len));
  TEXT("grpc", plugreload_lease_protocol(&lease, &len));
  CHECK(plugreload_lease_pid(&lease) > 0 && plugreload_lease_protocol_version(&lease) == 1);
  object = plugreload_lease_object(&lease);
  CHECK(strncmp(plugreload_goplugin_target(object, NULL), "unix:/", 6) == 0);
  TEXT(tls ? "localhost" : "", plugreload_goplugin_server_name(object, &len));
  CHECK(tls == (strncmp(plugreload_goplugin_root_pem(object, NULL), "-----BEGIN", 10) == 0));
  CHECK(plugreload_goplugin_multiplexing(object) == 0);
  size = call_plugin(object, "/plugreload.example.Kv/Get", key, 3, answer, sizeof answer);
  CHECK(size > 12 && memcmp(answer, value, 12) == 0);
  CHECK(size > 14 + (int)strlen(version) && memcmp(answer + 14, version, strlen(version)) == 0);
  plugreload_lease_release(&lease);
}

static void reload(void) {
  plugreload_request request;
  plugreload_report* report = NULL;
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.plugin = "kv";
  request.plugin_len = 2;
  OK(plugreload_reload_run(engine, &request, &report, &error));
  CHECK(plugreload_report_reloaded_count(report) == 1);
  plugreload_report_free(report);
}

/* The end of a process reaches the engine, which starts another one. */
static void crash(void) {
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  char answer[16];
  int failed = 0;
  struct pollfd descriptor;
  OK(plugreload_lease_acquire(engine, "", 0, "kv/a", 4, 10000, &lease, &error));
  CHECK(call_plugin(plugreload_lease_object(&lease), "/plugreload.example.Kv/Crash", "", 0, answer,
                    sizeof answer) == -1);
  plugreload_lease_release(&lease);
  descriptor.fd = plugreload_event_fd(engine);
  descriptor.events = POLLIN;
  while (!failed) {
    plugreload_event* event = NULL;
    OK(plugreload_event_take(engine, &event, &error));
    if (event == NULL && poll(&descriptor, 1, 10000) != 1) break;
    failed = plugreload_event_kind(event) == PLUGRELOAD_EVENT_INSTANCE_FAILED;
    plugreload_event_free(event);
  }
  CHECK(failed);
}

static void write_log(void) {
  static const char line[] = "{\"@level\":\"warn\",\"@message\":\"low\",\"free\":17}\n";
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  char request[64], answer[16];
  OK(plugreload_lease_acquire(engine, "", 0, "kv/a", 4, 10000, &lease, &error));
  request[0] = 0x0a; /* WriteRequest{1: line} */
  request[1] = (char)(sizeof line - 1);
  memcpy(request + 2, line, sizeof line - 1);
  CHECK(call_plugin(plugreload_lease_object(&lease), "/plugreload.example.Kv/Write", request,
                    sizeof line + 1, answer, sizeof answer) == 0);
  plugreload_lease_release(&lease);
}

static void profiles(void) {
  plugreload_plugin plugin;
  memset(&plugin, 0, sizeof plugin);
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "struct_size",
          plugreload_goplugin_profile("vault_backend", NTS, &plugin, &error));
  plugin.struct_size = sizeof plugin;
  REFUSED(PLUGRELOAD_NOT_FOUND, "unknown_profile",
          plugreload_goplugin_profile("vault", NTS, &plugin, &error));
  OK(plugreload_goplugin_profile("vault_database", NTS, &plugin, &error));
  CHECK(strcmp(plugin.cookie_key, "VAULT_DATABASE_PLUGIN") == 0 && plugin.env_count > 0);
  CHECK(plugin.protocol_version_count > 0);
  REFUSED(PLUGRELOAD_FAILED_PRECONDITION, "env_given",
          plugreload_goplugin_profile("vault_backend", NTS, &plugin, &error));
}

/* Type, version and handshake come from the program. */
static void inspect(const char* database) {
  plugreload_call call;
  plugreload_response* response = NULL;
  char body[1024];
  snprintf(body, sizeof body, "{\"launcher\":\"goplugin\",\"command\":\"%s\"}", database);
  memset(&call, 0, sizeof call);
  call.struct_size = sizeof call;
  call.method = "POST";
  call.method_len = 4;
  call.target = "/v1/sys/plugins/catalog/users";
  call.target_len = NTS;
  call.body = body;
  call.body_len = NTS;
  OK(plugreload_engine_dispatch(engine, &call, &response, &error));
  CHECK(plugreload_response_status(response) == 204);
  plugreload_response_free(response);
  call.method = "GET";
  call.method_len = 3;
  call.target = "/v1/sys/plugins/catalog/database/users?version=1.0.0";
  call.body_len = 0;
  call.body = NULL;
  OK(plugreload_engine_dispatch(engine, &call, &response, &error));
  CHECK(plugreload_response_status(response) == 200);
  plugreload_response_free(response);
}

int main(int argc, char** argv) {
  plugreload_mount mount;
  int tls;
  if (argc != 5) return 2;
  tls = strcmp(argv[1], "mtls") == 0;
  check_part("open");
  if (!open_engine(tls ? PLUGRELOAD_GOPLUGIN_AUTO_MTLS : PLUGRELOAD_GOPLUGIN_PLAIN)) return 1;
  check_part("profiles");
  profiles();
  check_part("mount and call");
  register_version("v1.0.0", argv[2]);
  register_version("v2.0.0", argv[3]);
  pin("v1.0.0");
  memset(&mount, 0, sizeof mount);
  mount.struct_size = sizeof mount;
  mount.type = PLUGRELOAD_TYPE_SECRET;
  mount.path = "kv";
  mount.path_len = 2;
  mount.plugin = "kv";
  mount.plugin_len = 2;
  OK(plugreload_mount_add(engine, &mount, PLUGRELOAD_DEFAULT, &error));
  use("v1.0.0", tls);
  check_part("reload");
  pin("v2.0.0");
  reload();
  use("v2.0.0", tls);
  check_part("log");
  write_log();
  check_part("crash");
  crash();
  use("v2.0.0", tls);
  check_part("inspect");
  inspect(argv[4]);
  check_part("close");
  OK(plugreload_engine_close(engine, PLUGRELOAD_DEFAULT, &error));
  plugreload_engine_free(engine);
  CHECK(seen.destroyed == 2);
  CHECK(seen.lines > 0 && seen.fields == 1);
  return check_result();
}
