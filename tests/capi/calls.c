/* calls.c - dispatch, refusals, changes of mounts, and the end. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenario.h"

/* The status; the answer must contain `part`. */
static int32_t dispatch(const char* method, const char* target, const char* token, const char* body,
                        const char* part) {
  plugreload_call call;
  plugreload_response* response = NULL;
  int32_t status;
  memset(&call, 0, sizeof call);
  call.struct_size = sizeof call;
  call.method = method;
  call.method_len = NTS;
  call.target = target;
  call.target_len = NTS;
  call.token = token;
  call.token_len = token == NULL ? 0 : strlen(token);
  call.body = body;
  call.body_len = body == NULL ? 0 : strlen(body);
  call.remote = "127.0.0.1";
  call.remote_len = NTS;
  OK(plugreload_engine_dispatch(engine, &call, &response, &error));
  status = plugreload_response_status(response);
  CHECK(strstr(plugreload_response_body(response, &len), part) != NULL);
  CHECK(strlen(plugreload_response_body(response, &len)) == len);
  CHECK(len == 0 ||
        strcmp(plugreload_response_content_type(response, NULL), "application/json") == 0);
  plugreload_response_free(response);
  return status;
}

/* Audits come on the thread of the call, before it returns. */
static void audited_calls(void) {
  const char* const secrets = "{\"type\":\"kv\",\"options\":[\"hunter2\"]}";
  int before = host.audited;
  CHECK(dispatch("GET", "/v1/sys/plugins/pins/secret/kv", NULL, NULL, "permission denied") == 403);
  CHECK(strcmp(host.last_audit, "GET |sys/plugins/pins/secret/kv secret/kv [] denied 403") == 0);
  CHECK(dispatch("POST", "/v1/team/sys/plugins/reload/backend", "root", "{\"mounts\":\"kv/\"}",
                 "reload_id") == 200);
  CHECK(strcmp(host.last_audit, "POST team/|sys/plugins/reload/backend / [kv/] allowed 200 id") ==
        0);
  CHECK(dispatch("POST", "/v1/sys/mounts/m?x=hunter2", "root", secrets, "validation failed") ==
        400);
  CHECK(strcmp(host.last_audit, "POST |sys/mounts/m /kv [m/] allowed 400") == 0);
  CHECK(dispatch("BREW", "/v1/hunter2", "hunter2", "hunter2", "errors") == 405);
  CHECK(host.audited == before + 4 && host.told_secrets == 0);
}

void dispatch_calls(void) {
  char* deep = malloc(100001);
  check_part("dispatch");
  CHECK(dispatch("GET", "/v1/sys/plugins/pins/secret/kv", NULL, NULL, "permission denied") == 403);
  CHECK(dispatch("GET", "/v1/sys/plugins/pins/secret/kv", "no", NULL, "permission denied") == 403);
  CHECK(dispatch("GET", "/v1/sys/plugins/pins/secret/kv", "root", NULL, "v1.0.0") == 200);
  CHECK(dispatch("LIST", "/v1/sys/plugins/catalog/secret", "root", NULL, "\"kv\"") == 200);
  CHECK(dispatch("POST", "/v1/sys/plugins/reload/secret/kv", "root", NULL, "reload_id") == 200);
  CHECK(dispatch("POST", "/v1/sys/plugins/reload/backend", "root", "{\"mounts\":[\"kv/\"]}",
                 "reload_id") == 200);
  CHECK(dispatch("POST", "/v1/sys/plugins/reload/backend", "root", "{\"mounts\":", "errors") ==
        400);
  CHECK(dispatch("GET", "/v1/sys/nothing", "root", NULL, "errors") == 404);
  audited_calls();
  CHECK(deep != NULL);
  if (deep == NULL) return;
  memset(deep, '[', 100000);
  deep[100000] = '\0';
  CHECK(dispatch("POST", "/v1/sys/plugins/reload/backend", "root", deep, "errors") == 400);
  free(deep);
}

static void bad_requests(void) {
  static const char* const paths[] = {"kv"};
  plugreload_request request = by_plugin();
  plugreload_report* report = (plugreload_report*)&request; /* must be overwritten */
  request.mounts = paths;
  request.mount_count = 1;
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "invalid_target",
          plugreload_reload_run(engine, &request, &report, &error));
  CHECK(report == NULL);
  request = by_plugin();
  request.order = PLUGRELOAD_ORDER_STOP_FIRST;
  request.policy = PLUGRELOAD_POLICY_ALL_OR_NOTHING;
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "order_conflict",
          plugreload_reload_run(engine, &request, &report, &error));
  request = by_plugin();
  request.policy = 7;
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "invalid_number",
          plugreload_reload_submit(engine, &request, &report, &error));
  request = by_plugin();
  request.flags = 0x80;
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "invalid_number",
          plugreload_reload_submit(engine, &request, &report, &error));
  request = by_plugin();
  request.ns = "elsewhere";
  request.ns_len = NTS;
  REFUSED(PLUGRELOAD_NOT_FOUND, "namespace_not_found",
          plugreload_reload_run(engine, &request, &report, &error));
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "null_argument",
          plugreload_reload_run(engine, NULL, &report, &error));
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "null_argument",
          plugreload_reload_run(NULL, &request, &report, &error));
}

void bad_input(void) {
  plugreload_lease lease;
  plugreload_mounts* mounts = NULL;
  memset(&lease, 0xff, sizeof lease); /* as storage that was never written */
  check_part("bad input");
  plugreload_lease_release(&lease);
  REFUSED(PLUGRELOAD_NOT_FOUND, "mount_not_found",
          plugreload_lease_acquire(engine, "team", 4, "nothing/here", NTS, 0, &lease, &error));
  CHECK(lease.opaque[0] == 0);
  REFUSED(PLUGRELOAD_NOT_FOUND, "namespace_not_found",
          plugreload_lease_acquire(engine, "nobody", 6, "kv/", 3, 0, &lease, &error));
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "invalid_number",
          plugreload_lease_acquire(engine, "", 0, "kv/", 3, -2, &lease, &error));
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "null_argument",
          plugreload_lease_acquire(engine, NULL, 3, "kv/", 3, 0, &lease, &error));
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "null_argument",
          plugreload_lease_acquire(engine, "", 0, "kv/", 3, 0, NULL, &error));
  REFUSED(PLUGRELOAD_NOT_FOUND, "namespace_not_found",
          plugreload_mount_list(engine, "nobody", 6, 0, &mounts, &error));
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "invalid_version", register_version("one", "good"));
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "invalid_number",
          plugreload_plugin_unpin(engine, PLUGRELOAD_TYPE_ANY, "kv", 2, 1000, &error));
  CHECK(plugreload_namespace_create(engine, "sys", 3, 1000, NULL) == PLUGRELOAD_INVALID_ARGUMENT);
  CHECK(mount_in("nobody", "kv", 0) == PLUGRELOAD_NOT_FOUND);
  plugreload_error_free(error);
  error = NULL;
  bad_requests();
}

void change_mounts(void) {
  plugreload_tune tune;
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  check_part("changes of mounts");
  memset(&tune, 0, sizeof tune);
  tune.struct_size = sizeof tune;
  tune.version = "v2.0.0";
  tune.version_len = NTS;
  REFUSED(PLUGRELOAD_FAILED_PRECONDITION, "pinned_version",
          plugreload_mount_tune(engine, "team", 4, "kv", 2, &tune, PLUGRELOAD_DEFAULT, &error));
  OK(plugreload_plugin_unpin(engine, SECRET, "kv", 2, PLUGRELOAD_DEFAULT, &error));
  OK(plugreload_mount_tune(engine, "team", 4, "kv", 2, &tune, PLUGRELOAD_DEFAULT, &error));
  OK(plugreload_mount_move(engine, "team", 4, "kv", 2, "team", 4, "moved", 5, PLUGRELOAD_DEFAULT,
                           &error));
  OK(plugreload_lease_acquire(engine, "team", 4, "moved/x", 7, PATIENCE, &lease, &error));
  TEXT("moved/", plugreload_lease_mount_path(&lease, &len));
  plugreload_lease_release(&lease);
  OK(plugreload_mount_remove(engine, "team", 4, "moved", 5, PATIENCE, &error));
  REFUSED(PLUGRELOAD_FAILED_PRECONDITION, "namespace_not_empty",
          plugreload_namespace_remove(engine, "team/project", NTS, PLUGRELOAD_DEFAULT, &error));
  OK(plugreload_mount_remove(engine, "team/project", NTS, "kv", 2, PATIENCE, &error));
  OK(plugreload_namespace_remove(engine, "team/project", NTS, PLUGRELOAD_DEFAULT, &error));
  OK(plugreload_plugin_deregister(engine, SECRET, "kv", 2, "3.0", 3, PLUGRELOAD_DEFAULT, &error));
  OK(mount_in("team", "later", PLUGRELOAD_LAZY)); /* the highest version */
  OK(plugreload_lease_acquire(engine, "", 0, "team/later/x", NTS, PATIENCE, &lease, &error));
  TEXT("x", plugreload_lease_rest(&lease, &len));
  TEXT("v2.0.0", plugreload_lease_version(&lease, &len));
  plugreload_lease_release(&lease);
}

/* The copy of the engine in a forked child refuses, and its free does nothing. */
void use_in_forked_child(void) {
  int status = 0;
  pid_t child;
  check_part("forked child");
  child = fork();
  if (child == 0) {
    plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
    plugreload_event* event = NULL;
    int wrong = plugreload_lease_acquire(engine, "", 0, "kv/", 3, 0, &lease, NULL) !=
                    PLUGRELOAD_FAILED_PRECONDITION ||
                plugreload_event_take(engine, &event, NULL) != PLUGRELOAD_FAILED_PRECONDITION ||
                plugreload_engine_close(engine, 0, NULL) != PLUGRELOAD_FAILED_PRECONDITION ||
                plugreload_event_fd(engine) != -1;
    plugreload_engine_free(engine);
    _exit(wrong);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void close_with_held_lease(void) {
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT, other = PLUGRELOAD_LEASE_INIT;
  plugreload_event* event = NULL;
  int stopped = 0;
  check_part("close");
  OK(plugreload_lease_acquire(engine, "", 0, "kv/x", 4, PATIENCE, &lease, &error));
  REFUSED(PLUGRELOAD_DEADLINE_EXCEEDED, "leases_held",
          plugreload_engine_close(engine, 100, &error));
  TEXT("v1.0.0", plugreload_lease_version(&lease, &len));
  REFUSED(PLUGRELOAD_FAILED_PRECONDITION, "closed",
          plugreload_lease_acquire(engine, "", 0, "kv/x", 4, 0, &other, &error));
  REFUSED(PLUGRELOAD_FAILED_PRECONDITION, "closed",
          plugreload_engine_wait_ready(engine, PATIENCE, &error));
  plugreload_lease_release(&lease);
  OK(plugreload_engine_close(engine, PATIENCE, &error));
  OK(plugreload_engine_close(engine, 0, &error));
  /* Events go on after a close. */
  while (!stopped) {
    struct pollfd descriptor;
    descriptor.fd = plugreload_event_fd(engine);
    descriptor.events = POLLIN;
    if (poll(&descriptor, 1, (int)PATIENCE) != 1) break;
    OK(plugreload_event_take(engine, &event, &error));
    stopped = plugreload_event_kind(event) == PLUGRELOAD_EVENT_INSTANCE_STOPPED;
    plugreload_event_free(event);
  }
  CHECK(stopped);
}
