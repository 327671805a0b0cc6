#include "test_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void count(pthread_mutex_t* mutex, int* counter) {
  pthread_mutex_lock(mutex);
  ++*counter;
  pthread_mutex_unlock(mutex);
}

static int32_t authorise(void* user_data, const plugreload_access* access) {
  struct test_host* host = user_data;
  int allowed = strcmp(plugreload_access_token(access, NULL), "root") == 0;
  count(&host->mutex, allowed ? &host->authorised : &host->refused);
  return allowed ? PLUGRELOAD_ALLOW : PLUGRELOAD_DENY;
}

static void audit(void* user_data, const plugreload_audit* record) {
  struct test_host* host = user_data;
  const plugreload_access* access = plugreload_audit_access(record);
  const char* mount = plugreload_access_mount(access, 0, NULL);
  size_t token_len = 1, caller_len = 1, id_len = 0, i;
  int secret = strcmp(plugreload_access_token(access, &token_len), "") != 0 || token_len != 0;
  plugreload_audit_caller(record, &caller_len);
  if (caller_len != 0 && caller_len != 16) secret = 1;
  if (strlen(plugreload_audit_request_id(record, &id_len)) != id_len || id_len == 0) secret = 1;
  for (i = 0; i < plugreload_audit_error_count(record); ++i) {
    if (strstr(plugreload_audit_error(record, i, NULL), "hunter") != NULL) secret = 1;
  }
  count(&host->mutex, &host->audited);
  if (secret) count(&host->mutex, &host->told_secrets);
  pthread_mutex_lock(&host->mutex);
  snprintf(host->last_audit, sizeof host->last_audit, "%s %s|%s %s/%s [%s] %s %d%s",
           plugreload_audit_method(record, NULL), plugreload_access_namespace(access, NULL),
           plugreload_access_path(access, NULL),
           plugreload_access_plugin_type(access) == PLUGRELOAD_TYPE_SECRET ? "secret" : "",
           plugreload_access_plugin(access, NULL), mount == NULL ? "" : mount,
           plugreload_audit_allowed(record) ? "allowed" : "denied",
           (int)plugreload_audit_status(record),
           strcmp(plugreload_audit_reload_id(record, NULL), "") == 0 ? "" : " id");
  pthread_mutex_unlock(&host->mutex);
}

static void log_line(void* user_data, int32_t level, const char* instance, size_t instance_len,
                     const char* message, size_t message_len) {
  struct test_host* host = user_data;
  (void)level;
  if (strlen(instance) == instance_len && strlen(message) <= message_len) {
    count(&host->mutex, &host->lines);
  }
}

static void on_event(void* user_data, const plugreload_event* event) {
  struct test_host* host = user_data;
  if (plugreload_event_kind(event) != 0) count(&host->mutex, &host->events);
}

static plugreload_code attach(void* user_data, plugreload_launch* launch, void** attached) {
  struct test_host* host = user_data;
  char* made = malloc(32);
  if (made == NULL) return PLUGRELOAD_RESOURCE_EXHAUSTED;
  snprintf(made, 32, "pool of %s", plugreload_launch_version(launch, NULL));
  pthread_mutex_lock(&host->mutex);
  ++host->attached;
  if (host->engine != NULL) {
    plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
    host->acquire_in_callback =
        plugreload_lease_acquire(host->engine, "", 0, "kv/", 3, 1000, &lease, NULL);
    plugreload_lease_release(&lease);
  }
  pthread_mutex_unlock(&host->mutex);
  *attached = made;
  return PLUGRELOAD_OK;
}

static void detach(void* user_data, void* attached) {
  struct test_host* host = user_data;
  count(&host->mutex, &host->detached);
  free(attached);
}

static void destroy_host(void* user_data) {
  struct test_host* host = user_data;
  count(&host->mutex, &host->destroyed);
}

void test_host_init(struct test_host* host, plugreload_host* table) {
  memset(host, 0, sizeof *host);
  pthread_mutex_init(&host->mutex, NULL);
  memset(table, 0, sizeof *table);
  table->struct_size = sizeof *table;
  table->user_data = host;
  table->authorise = authorise;
  table->audit = audit;
  table->log = log_line;
  table->event = on_event;
  table->attach = attach;
  table->detach = detach;
  table->destroy = destroy_host;
}

static plugreload_code start(void* user_data, plugreload_launch* launch) {
  struct test_launcher* launcher = user_data;
  const char* version = plugreload_launch_version(launch, NULL);
  const char* refuse = plugreload_launch_option(launch, "refuse", PLUGRELOAD_NTS, NULL);
  struct object* object;
  if (strcmp(version, "v9.0.0") == 0 || (refuse != NULL && strcmp(refuse, version) == 0)) {
    plugreload_launch_set_error(launch, "broken", PLUGRELOAD_NTS, "it is broken on purpose",
                                PLUGRELOAD_NTS);
    return PLUGRELOAD_UNAVAILABLE;
  }
  if (plugreload_launch_cancelled(launch) != 0 || plugreload_launch_remaining_ms(launch) == 0) {
    return PLUGRELOAD_CANCELLED;
  }
  object = calloc(1, sizeof *object);
  if (object == NULL) return PLUGRELOAD_RESOURCE_EXHAUSTED;
  snprintf(object->version, sizeof object->version, "%s", version);
  snprintf(object->mount, sizeof object->mount, "%s%s", plugreload_launch_namespace(launch, NULL),
           plugreload_launch_mount_path(launch, NULL));
  plugreload_launch_set_object(launch, object);
  count(&launcher->mutex, &launcher->started);
  return PLUGRELOAD_OK;
}

static plugreload_code stop(void* user_data, void* object, int64_t timeout_ms) {
  struct test_launcher* launcher = user_data;
  (void)timeout_ms;
  free(object);
  count(&launcher->mutex, &launcher->stopped);
  return PLUGRELOAD_OK;
}

static void destroy_launcher(void* user_data) {
  struct test_launcher* launcher = user_data;
  count(&launcher->mutex, &launcher->destroyed);
}

void test_launcher_init(struct test_launcher* launcher, plugreload_launcher_ops* table) {
  memset(launcher, 0, sizeof *launcher);
  pthread_mutex_init(&launcher->mutex, NULL);
  memset(table, 0, sizeof *table);
  table->struct_size = sizeof *table;
  table->user_data = launcher;
  table->start = start;
  table->stop = stop;
  table->destroy = destroy_launcher;
}
