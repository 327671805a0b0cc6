/* plugreload/plugreload_host.h - what the host gives the library: tables of its functions.
 *
 * Included by plugreload.h, which has the rules; rule 9 is about callbacks. A NULL function is not
 * called and means its default. What a callback is given is borrowed: it ends with the callback.
 *
 * In a callback the engine answers only what does not wait: taking a lease with timeout 0,
 * releasing leases, finding a report, taking events, and every accessor.
 */
#ifndef PLUGRELOAD_PLUGRELOAD_HOST_H_
#define PLUGRELOAD_PLUGRELOAD_HOST_H_

#include <stddef.h>
#include <stdint.h>

#include "plugreload/plugreload_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

typedef struct plugreload_access plugreload_access; /* a dispatched call, for the authoriser */
typedef struct plugreload_audit plugreload_audit;   /* a dispatched call that has been answered */
typedef struct plugreload_launch plugreload_launch; /* an instance that is being started */
typedef struct plugreload_exit plugreload_exit;     /* where the end of an instance is told */

enum { PLUGRELOAD_DENY = 0, PLUGRELOAD_ALLOW = 1 };
enum { /* operation of an access, as Vault's policies name them */
       PLUGRELOAD_OPERATION_READ = 0,
       PLUGRELOAD_OPERATION_UPDATE = 1,
       PLUGRELOAD_OPERATION_DELETE = 2,
       PLUGRELOAD_OPERATION_LIST = 3
};
enum { /* level of a log line */
       PLUGRELOAD_LOG_TRACE = 0,
       PLUGRELOAD_LOG_DEBUG = 1,
       PLUGRELOAD_LOG_INFO = 2,
       PLUGRELOAD_LOG_WARN = 3,
       PLUGRELOAD_LOG_ERROR = 4
};

/* ---- The server ---------------------------------------------------------------------------- */

/* May this dispatched call be carried out? Everything but PLUGRELOAD_ALLOW refuses. It runs on the
 * thread of plugreload_engine_dispatch, before anything about the catalog is looked at. */
typedef int32_t (*plugreload_authorise_fn)(void* user_data, const plugreload_access* access);
/* After each dispatched call, refused ones included, on its thread, before it returns. */
typedef void (*plugreload_audit_fn)(void* user_data, const plugreload_audit* audit);
/* One line, without newline; of a plugin's output, any bytes. `instance` is "" for the library's
 * own. Lines and events come from one thread per engine, in order; when the host is slower than
 * they come, the oldest are dropped, counted and told. */
typedef void (*plugreload_log_fn)(void* user_data, int32_t level, const char* instance,
                                  size_t instance_len, const char* message, size_t message_len);
/* The same events wait for plugreload_event_take; a host uses one or the other. */
typedef void (*plugreload_event_fn)(void* user_data, const plugreload_event* event);
/* Makes what the host keeps per instance (a connection pool, say), before it serves; leases hand
 * *attached out. A code other than OK fails the start. Past attach_timeout_ms the start fails and
 * what comes late is detached. */
typedef plugreload_code (*plugreload_attach_fn)(void* user_data, plugreload_launch* launch,
                                                void** attached);
/* Once for each successful attach that gave something: after the instance has drained, before it
 * is stopped. */
typedef void (*plugreload_detach_fn)(void* user_data, void* attached);
/* The last call with this user_data. */
typedef void (*plugreload_destroy_fn)(void* user_data);

enum { PLUGRELOAD_TOKEN_NAMESPACE_ALONE = 1 }; /* not the namespaces below it */

/* What a token may do. One token may have several rules, any of them is enough. */
typedef struct plugreload_token {
  size_t struct_size;
  const char* token; /* not kept, only its hash; required */
  size_t token_len;
  const char* ns; /* none: the root */
  size_t ns_len;
  const char* const* endpoints; /* as in plugreload_access_endpoint, or up to a '*'; none: all */
  const size_t* endpoint_lens;
  size_t endpoint_count;
  uint64_t operations; /* bits 1 << PLUGRELOAD_OPERATION_; 0: all */
  uint64_t flags;
} plugreload_token;

typedef struct plugreload_host {
  size_t struct_size;
  void* user_data;
  plugreload_authorise_fn authorise; /* NULL: the tokens decide */
  plugreload_log_fn log;
  plugreload_event_fn event;
  plugreload_attach_fn attach;
  plugreload_detach_fn detach;
  plugreload_destroy_fn destroy;
  plugreload_audit_fn audit;
  /* For a host without an authoriser: with their tokens callers get in, and everybody may ask for
   * sys/health and sys/seal-status. Without any, every dispatched call is refused. */
  const plugreload_token* const* tokens;
  size_t token_count;
} plugreload_host;

/* What the authoriser may look at. The token is as given, "" for none; never log it. */
int32_t plugreload_access_operation(const plugreload_access* access);
const char* plugreload_access_namespace(const plugreload_access* access, size_t* len);
const char* plugreload_access_path(const plugreload_access* access, size_t* len); /* below /v1/ */
const char* plugreload_access_token(const plugreload_access* access, size_t* len);
const char* plugreload_access_remote(const plugreload_access* access, size_t* len);
/* What the call means, by its own words: none of it need exist. The endpoint is its path with
 * placeholders ("sys/plugins/pins/{type}/{name}"), "" when there is none. 1: clients ask it before
 * they have a token. */
const char* plugreload_access_endpoint(const plugreload_access* access, size_t* len);
int32_t plugreload_access_unauthenticated(const plugreload_access* access);
int32_t plugreload_access_plugin_type(const plugreload_access* access); /* 0: not said */
const char* plugreload_access_plugin(const plugreload_access* access, size_t* len);
size_t plugreload_access_mount_count(const plugreload_access* access);
const char* plugreload_access_mount(const plugreload_access* access, size_t index, size_t* len);

/* What an auditor may look at: never a token, an environment value or a body. The access has no
 * token. `caller` is the same 16 hex digits for the same token of one engine, "" without one. */
const plugreload_access* plugreload_audit_access(const plugreload_audit* audit);
const char* plugreload_audit_request_id(const plugreload_audit* audit, size_t* len);
const char* plugreload_audit_method(const plugreload_audit* audit, size_t* len);
const char* plugreload_audit_caller(const plugreload_audit* audit, size_t* len);
const char* plugreload_audit_reload_id(const plugreload_audit* audit, size_t* len);
int32_t plugreload_audit_allowed(const plugreload_audit* audit); /* 1: by the authoriser */
int32_t plugreload_audit_status(const plugreload_audit* audit);  /* HTTP's */
int64_t plugreload_audit_duration_us(const plugreload_audit* audit);
size_t plugreload_audit_error_count(const plugreload_audit* audit);
const char* plugreload_audit_error(const plugreload_audit* audit, size_t index, size_t* len);

/* ---- A launcher ---------------------------------------------------------------------------- */

/* Makes an instance and returns when it can serve: started is not ready. It says what it made with
 * plugreload_launch_set_object or _set_endpoint, or why not with _set_error and a code. It should
 * return soon after plugreload_launch_remaining_ms reaches 0 or plugreload_launch_cancelled tells;
 * a start that is late is given up, and what it makes is stopped. */
typedef plugreload_code (*plugreload_start_fn)(void* user_data, plugreload_launch* launch);
/* Ends the object of one successful start, exactly once, when no lease uses it any more. */
typedef plugreload_code (*plugreload_stop_fn)(void* user_data, void* object, int64_t timeout_ms);

/* Starts a plugin for a moment, asks what it is, ends it, and says so with
 * plugreload_launch_set_facts; type and version of the launch may be missing. Otherwise as start.
 */
typedef plugreload_code (*plugreload_inspect_fn)(void* user_data, plugreload_launch* launch);

/* Starts instances of one kind, for example objects of the host. Bound to a name in
 * plugreload_options, and named in plugreload_plugin.launcher. One table under several names is
 * destroyed once. */
typedef struct plugreload_launcher_ops {
  size_t struct_size;
  void* user_data;
  plugreload_start_fn start; /* required */
  plugreload_stop_fn stop;
  plugreload_destroy_fn destroy;
  plugreload_inspect_fn inspect; /* NULL: plugins of this launcher cannot be asked */
} plugreload_launcher_ops;

/* What is started, and for which mount. A shared instance serves other mounts later: the mount
 * here is the one that caused the start. `instance` is unique, for logs. */
int32_t plugreload_launch_type(const plugreload_launch* launch);
const char* plugreload_launch_plugin(const plugreload_launch* launch, size_t* len);
const char* plugreload_launch_version(const plugreload_launch* launch, size_t* len);
const char* plugreload_launch_command(const plugreload_launch* launch, size_t* len);
size_t plugreload_launch_arg_count(const plugreload_launch* launch);
const char* plugreload_launch_arg(const plugreload_launch* launch, size_t index, size_t* len);
const char* plugreload_launch_instance(const plugreload_launch* launch, size_t* len);
const char* plugreload_launch_namespace(const plugreload_launch* launch, size_t* len);
const char* plugreload_launch_mount_path(const plugreload_launch* launch, size_t* len);
/* An option of the mount; NULL when it has none of this key. */
const char* plugreload_launch_option(const plugreload_launch* launch, const char* key,
                                     size_t key_len, size_t* len);
/* The same by number, in the order of the keys, to see them all; of a shared instance, those of the
 * mount that caused the start. The accessor is unique for ever, also when the mount moves. */
size_t plugreload_launch_option_count(const plugreload_launch* launch);
const char* plugreload_launch_option_key(const plugreload_launch* launch, size_t index,
                                         size_t* len);
const char* plugreload_launch_option_value(const plugreload_launch* launch, size_t index,
                                           size_t* len);
const char* plugreload_launch_accessor(const plugreload_launch* launch, size_t* len);
int64_t plugreload_launch_remaining_ms(const plugreload_launch* launch);
int32_t plugreload_launch_cancelled(const plugreload_launch* launch); /* 1: no longer wanted */

/* For launchers that run a program: all that the plugin was registered with. The environment, on
 * top of which the launcher puts its own, may hold secrets: never log it. The hash is in lower
 * case, or "" where the engine takes plugins without. What the launcher runs must be what has this
 * hash. Cookie and versions are go-plugin's handshake: the plugin's own (1) or the engine's (0). */
size_t plugreload_launch_env_count(const plugreload_launch* launch);
const char* plugreload_launch_env(const plugreload_launch* launch, size_t index, size_t* len);
const char* plugreload_launch_sha256(const plugreload_launch* launch, size_t* len);
int32_t plugreload_launch_image(const plugreload_launch* launch);
int32_t plugreload_launch_sharing(const plugreload_launch* launch);
int32_t plugreload_launch_own_handshake(const plugreload_launch* launch);
const char* plugreload_launch_cookie_key(const plugreload_launch* launch, size_t* len);
const char* plugreload_launch_cookie_value(const plugreload_launch* launch, size_t* len);
size_t plugreload_launch_protocol_version_count(const plugreload_launch* launch);
int32_t plugreload_launch_protocol_version(const plugreload_launch* launch, size_t index);
enum { /* times of a plugin, as in plugreload_plugin */
       PLUGRELOAD_TIMEOUT_START = 0,
       PLUGRELOAD_TIMEOUT_ATTACH = 1,
       PLUGRELOAD_TIMEOUT_DRAIN = 2,
       PLUGRELOAD_TIMEOUT_GRACEFUL = 3,
       PLUGRELOAD_TIMEOUT_TERMINATE = 4,
       PLUGRELOAD_TIMEOUT_KILL = 5
};
int64_t plugreload_launch_timeout_ms(const plugreload_launch* launch, int32_t which);

/* In start and inspect: `cancel` is called, once and from any thread, when the launch is no longer
 * wanted, or at once when it is not already. Take it back with NULL before the callback ends; that
 * waits for a call that is under way. */
typedef void (*plugreload_cancel_fn)(void* context);
void plugreload_launch_on_cancel(plugreload_launch* launch, plugreload_cancel_fn cancel,
                                 void* context);

/* What was made; in attach, what the launcher made. */
const char* plugreload_launch_endpoint(const plugreload_launch* launch, size_t* len);
const char* plugreload_launch_protocol(const plugreload_launch* launch, size_t* len);
void* plugreload_launch_object(const plugreload_launch* launch);

/* Only in start. The object is what stop gets and leases hand out. */
void plugreload_launch_set_object(plugreload_launch* launch, void* object);
/* Where it serves ("unix:/path", "tcp:127.0.0.1:1234") and what it speaks ("http", "grpc").
 * INVALID_ARGUMENT, RESOURCE_EXHAUSTED. */
plugreload_code plugreload_launch_set_endpoint(plugreload_launch* launch, const char* endpoint,
                                               size_t endpoint_len, const char* protocol,
                                               size_t protocol_len);
/* Only in start; it has no effect elsewhere. A process: its number, for lists, never to be
 * signalled by the engine; the version of the application's protocol that it chose, and whether
 * what runs is a sealed copy of what was hashed (1). */
void plugreload_launch_set_process(plugreload_launch* launch, int64_t pid, int32_t protocol_version,
                                   int32_t sealed);

/* Where to tell that the instance has ended although nobody called stop; the caller frees it, best
 * after stop. NULL outside of start, and when memory is short. An end that is told before start has
 * returned fails the start; one that is told after stop has begun, or again, is not heard.
 * [any] */
plugreload_exit* plugreload_launch_exit(plugreload_launch* launch);
enum { PLUGRELOAD_EXIT_UNKNOWN = 0, PLUGRELOAD_EXIT_CODE = 1, PLUGRELOAD_EXIT_SIGNAL = 2 };
/* `number` is the exit status or the signal, as `how` says; `detail` one line for a person. [any]
 */
void plugreload_exit_tell(plugreload_exit* exit, int32_t how, int32_t number, const char* detail,
                          size_t detail_len);
void plugreload_exit_free(plugreload_exit* exit);

/* What a plugin says about itself. The engine takes from it what a registration leaves out, and
 * refuses one that says otherwise. */
typedef struct plugreload_facts {
  size_t struct_size;
  const char* version; /* in its own words; none: it does not say */
  size_t version_len;
  const char* cookie_key; /* the three together: the handshake that it answered to, when the launch
                             had none of its own */
  size_t cookie_key_len;
  const char* cookie_value;
  size_t cookie_value_len;
  const int32_t* protocol_versions;
  size_t protocol_version_count;
  const char* const* env; /* KEY=value, that it needs with that handshake */
  const size_t* env_lens;
  size_t env_count;
  int32_t type; /* PLUGRELOAD_TYPE_ANY: it does not say */
  uint32_t flags;
} plugreload_facts;
/* Only in inspect. INVALID_ARGUMENT, RESOURCE_EXHAUSTED. */
plugreload_code plugreload_launch_set_facts(plugreload_launch* launch,
                                            const plugreload_facts* facts);

/* In start, inspect and attach: reason and message for the code that is returned then. */
plugreload_code plugreload_launch_set_error(plugreload_launch* launch, const char* reason,
                                            size_t reason_len, const char* message,
                                            size_t message_len);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif /* PLUGRELOAD_PLUGRELOAD_HOST_H_ */
