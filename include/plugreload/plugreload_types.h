/* plugreload/plugreload_types.h - codes, constants and structs of the C ABI.
 *
 * Included by plugreload.h, which has the rules. Rule 5 in short: set struct_size to the size of
 * the struct and everything unused to zero, which is its default. Each text is a pointer and a
 * length behind it; each array of texts a pointer, an array of lengths and a count.
 *
 * Every field is 8 bytes wide, or one of a pair of 4, so that no struct has padding in which a
 * later field could hide. Structs only grow, at their end; a test holds every offset.
 */
#ifndef PLUGRELOAD_PLUGRELOAD_TYPES_H_
#define PLUGRELOAD_PLUGRELOAD_TYPES_H_

#include <stddef.h>
#include <stdint.h>

#define PLUGRELOAD_NTS ((size_t)-1)      /* a length: up to the terminator */
#define PLUGRELOAD_DEFAULT ((int64_t)-1) /* a timeout: the default of the call */

typedef struct plugreload_engine plugreload_engine;         /* one per server, any per process */
typedef struct plugreload_error plugreload_error;           /* why a call failed */
typedef struct plugreload_namespaces plugreload_namespaces; /* a list, as it was when asked */
typedef struct plugreload_mounts plugreload_mounts;         /* a list, as it was when asked */
typedef struct plugreload_report plugreload_report;         /* a reload, as it was when asked */
typedef struct plugreload_plan plugreload_plan;             /* what a reload would do */
typedef struct plugreload_response plugreload_response;     /* to a dispatched call */
typedef struct plugreload_event plugreload_event;           /* something happened */

/* ---- Numbers ------------------------------------------------------------------------------- */

/* The outcome of a call; the numbers are gRPC's. */
typedef int32_t plugreload_code;
enum {
  PLUGRELOAD_OK = 0,
  PLUGRELOAD_CANCELLED = 1,         /* somebody cancelled it */
  PLUGRELOAD_UNKNOWN = 2,           /* a change may or may not have been applied */
  PLUGRELOAD_INVALID_ARGUMENT = 3,  /* wrong whatever the state; nothing was changed */
  PLUGRELOAD_DEADLINE_EXCEEDED = 4, /* the message says what holds now */
  PLUGRELOAD_NOT_FOUND = 5,         /* no such plugin, version, namespace, mount or reload */
  PLUGRELOAD_ALREADY_EXISTS = 6,
  PLUGRELOAD_PERMISSION_DENIED = 7,
  PLUGRELOAD_RESOURCE_EXHAUSTED = 8,  /* a limit of the options, or of the machine */
  PLUGRELOAD_FAILED_PRECONDITION = 9, /* the state forbids it; nothing was changed */
  PLUGRELOAD_ABORTED = 10,            /* another writer was faster; retrying may succeed */
  PLUGRELOAD_OUT_OF_RANGE = 11,
  PLUGRELOAD_UNIMPLEMENTED = 12,
  PLUGRELOAD_INTERNAL = 13,    /* a bug, or a callback that broke its contract */
  PLUGRELOAD_UNAVAILABLE = 14, /* the plugin does not serve now */
  PLUGRELOAD_DATA_LOSS = 15,
  PLUGRELOAD_UNAUTHENTICATED = 16
};

enum {                          /* type of a plugin: Vault's numbers */
       PLUGRELOAD_TYPE_ANY = 0, /* only in a reload request */
       PLUGRELOAD_TYPE_AUTH = 1,
       PLUGRELOAD_TYPE_DATABASE = 2,
       PLUGRELOAD_TYPE_SECRET = 3
};
enum { /* image of a plugin: a sealed copy of what was hashed runs, or the file where it lies */
       PLUGRELOAD_IMAGE_SEALED = 0,
       PLUGRELOAD_IMAGE_IN_PLACE = 1
};
enum {                             /* sharing: which mounts may share one instance */
       PLUGRELOAD_SHARE_MOUNT = 0, /* none */
       PLUGRELOAD_SHARE_NAMESPACE = 1,
       PLUGRELOAD_SHARE_GLOBAL = 2
};
enum {                                   /* order of a reload */
       PLUGRELOAD_ORDER_DEFAULT = 0,     /* the plugin's own; of a plugin: start first */
       PLUGRELOAD_ORDER_START_FIRST = 1, /* the new one is ready before the old one loses traffic */
       PLUGRELOAD_ORDER_STOP_FIRST = 2 /* for what holds a port, a lock or a file; requests wait */
};
enum { /* reach: this namespace, or it and all below */
       PLUGRELOAD_REACH_NAMESPACE = 0,
       PLUGRELOAD_REACH_SUBTREE = 1
};
enum { /* scope: every engine of this node, or of every node of the store */
       PLUGRELOAD_SCOPE_LOCAL = 0,
       PLUGRELOAD_SCOPE_GLOBAL = 1
};
enum { /* strategy of a global reload: at once, or max_unavailable engines at a time */
       PLUGRELOAD_STRATEGY_ALL = 0,
       PLUGRELOAD_STRATEGY_ROLLING = 1 /* an engine that fails stops the roll */
};
enum {                                /* state of one member of a reload */
       PLUGRELOAD_MEMBER_PENDING = 0, /* not begun, or down: it starts with what was asked for */
       PLUGRELOAD_MEMBER_RUNNING = 1,
       PLUGRELOAD_MEMBER_DONE = 2,
       PLUGRELOAD_MEMBER_FAILED = 3,
       PLUGRELOAD_MEMBER_CANCELLED = 4 /* or not begun because another one failed */
};
enum { /* policy: each mount on its own, or every new instance is ready or none serves */
       PLUGRELOAD_POLICY_BEST_EFFORT = 0,
       PLUGRELOAD_POLICY_ALL_OR_NOTHING = 1
};
enum {                               /* state of a reload */
       PLUGRELOAD_RELOAD_QUEUED = 0, /* behind another one of the same plugin */
       PLUGRELOAD_RELOAD_RUNNING = 1,
       PLUGRELOAD_RELOAD_DRAINING = 2, /* the new instances serve; old leases are still held */
       PLUGRELOAD_RELOAD_DONE = 3,     /* every mount reloaded or skipped */
       PLUGRELOAD_RELOAD_FAILED = 4,   /* at least one mount failed */
       PLUGRELOAD_RELOAD_CANCELLED = 5
};
enum { /* what a reload did to one mount */
       PLUGRELOAD_OUTCOME_PENDING = 0,
       PLUGRELOAD_OUTCOME_RELOADED = 1, /* the new version serves */
       PLUGRELOAD_OUTCOME_FAILED =
           2, /* the old version serves, unless the message says otherwise */
       PLUGRELOAD_OUTCOME_SKIPPED = 3, /* removed meanwhile, or lazy and not started */
       PLUGRELOAD_OUTCOME_CANCELLED = 4
};
enum {                            /* state of a mount */
       PLUGRELOAD_MOUNT_IDLE = 0, /* lazy, not started yet */
       PLUGRELOAD_MOUNT_STARTING = 1,
       PLUGRELOAD_MOUNT_SERVING = 2,
       PLUGRELOAD_MOUNT_HELD = 3,       /* requests wait for a stop-first reload */
       PLUGRELOAD_MOUNT_RESTARTING = 4, /* its instance ended by itself */
       PLUGRELOAD_MOUNT_FAILED = 5,     /* no restart any more: reload or mount it again */
       PLUGRELOAD_MOUNT_REMOVED = 6
};
enum { /* kind of an event */
       PLUGRELOAD_EVENT_INSTANCE_STARTED = 1,
       PLUGRELOAD_EVENT_INSTANCE_FAILED = 2, /* did not start, or ended by itself */
       PLUGRELOAD_EVENT_INSTANCE_STOPPED = 3,
       PLUGRELOAD_EVENT_MOUNT_SERVING = 4,
       PLUGRELOAD_EVENT_MOUNT_FAILED = 5,
       PLUGRELOAD_EVENT_RELOAD_STARTED = 6,
       PLUGRELOAD_EVENT_RELOAD_DRAINING = 7, /* its call returned, old leases are still held */
       PLUGRELOAD_EVENT_RELOAD_FINISHED = 8, /* every old instance is retired */
       PLUGRELOAD_EVENT_EVENTS_LOST = 9,  /* the queue was full: `count` older ones were dropped */
       PLUGRELOAD_EVENT_MOUNT_STATE = 10, /* idle, starting, held, restarting, removed */
       PLUGRELOAD_EVENT_RELOAD_QUEUED = 11,
       PLUGRELOAD_EVENT_RELOAD_PROGRESS = 12 /* `count` of `total` mounts done, or another phase */
};
enum {                                          /* plugreload_options.flags */
       PLUGRELOAD_ALLOW_UNHASHED = 1,           /* accept plugins without sha256 */
       PLUGRELOAD_REFUSE_DEREGISTER_IN_USE = 2, /* a version that a mount runs stays */
       PLUGRELOAD_REFUSE_UNKNOWN_PLUGIN = 4,    /* reloading one is 400, not 200 with a warning */
       PLUGRELOAD_TRACK_LEASES = 8 /* reports tell tag and age of the leases that hold up a drain */
};
enum {                                /* plugreload_mount.flags */
       PLUGRELOAD_LAZY = 1,           /* start at the first use */
       PLUGRELOAD_OVERRIDE_PINNED = 2 /* its own version runs although the plugin has a pin */
};
enum {                       /* plugreload_request.flags */
       PLUGRELOAD_FORCE = 1, /* at the drain deadline stop the old instance under its leases */
       PLUGRELOAD_UNPIN = 2  /* remove the pin of `plugin` with the request */
};

/* ---- Structs that the host fills ----------------------------------------------------------- */

struct plugreload_host; /* both tables are in plugreload_host.h */
struct plugreload_launcher_ops;
struct plugreload_store_ops; /* in plugreload_store.h */

/* Everything has a default, given here. */
typedef struct plugreload_options {
  size_t struct_size;
  uint64_t flags;
  const struct plugreload_host* host; /* none: dispatched calls are refused, logs dropped */
  const char* node;                   /* names this node in results; "node" */
  size_t node_len;
  const char* plugin_directory; /* absolute; none: commands must be absolute */
  size_t plugin_directory_len;
  const char* run_directory; /* for sockets, a short path; one below /run or /tmp */
  size_t run_directory_len;
  const char* cookie_key; /* go-plugin's handshake; a cookie of the library and version 1 */
  size_t cookie_key_len;
  const char* cookie_value;
  size_t cookie_value_len;
  const int32_t* protocol_versions; /* that the host speaks */
  size_t protocol_version_count;
  const char* const* env; /* KEY=value for every child */
  const size_t* env_lens;
  size_t env_count;
  const char* const* inherit_env; /* names of variables that children see; PATH, LANG, TZ */
  const size_t* inherit_env_lens;
  size_t inherit_env_count;
  const char* const* launcher_names; /* launchers[i] is bound to launcher_names[i] */
  const size_t* launcher_name_lens;
  const struct plugreload_launcher_ops* const* launchers;
  size_t launcher_count;
  const char* const* dispatch_launchers; /* that a dispatched registration may name; "process" */
  const size_t* dispatch_launcher_lens;
  size_t dispatch_launcher_count;
  size_t max_events;               /* waiting to be taken; 1024 */
  size_t max_notifications;        /* log lines and events waiting for callbacks; 4096 */
  size_t max_concurrent_starts;    /* 4 */
  size_t max_concurrent_reloads;   /* 4 */
  size_t max_queued_reloads;       /* 256 */
  size_t history;                  /* reports kept; 256 */
  size_t max_body_bytes;           /* of a dispatched call; 32 MiB */
  size_t max_json_depth;           /* of its body; 64 */
  size_t max_mounts_per_request;   /* 10000 */
  size_t max_log_bytes_per_second; /* of one instance, the rest is counted and dropped; 1 MiB */
  size_t max_image_bytes;          /* of one sealed copy; 1 GiB */
  size_t restart_limit;            /* failures in a row until the mount is `failed`; 8 */
  int64_t restart_first_ms;        /* after a crash, doubled each time; 100 */
  int64_t restart_max_ms;          /* 30000 */
  int64_t restart_stable_ms;       /* serving for so long counts anew; 60000 */
  int64_t dispatch_timeout_ms;     /* of one dispatched call; 90000 */
  const struct plugreload_store_ops* store; /* where the state lives; in memory, of this engine */
  size_t max_path_bytes;         /* of a dispatched call's target, query included; 8192 */
  size_t max_name_bytes;         /* of a plugin's name in it; 256, which are the most there are */
  size_t max_mount_bytes;        /* of a mount or a namespace in it; 1024 */
  int64_t member_ttl_ms;         /* silent for so long counts as gone; 10000. With `store` only */
  size_t global_history;         /* reloads of several members that the store keeps; 256 */
  int64_t global_history_ttl_ms; /* and for how long at most; a day */
} plugreload_options;

/* How to run one version of a plugin. A negative time means none at all. */
typedef struct plugreload_plugin {
  size_t struct_size;
  int32_t type; /* PLUGRELOAD_TYPE_; required */
  int32_t image;
  int32_t sharing;
  int32_t order;
  const char* name; /* required */
  size_t name_len;
  const char* version; /* semantic, made canonical; none: the unversioned entry */
  size_t version_len;
  const char* launcher; /* "process", or a name of the options */
  size_t launcher_len;
  const char* command; /* absolute, or relative to the plugin directory */
  size_t command_len;
  const char* const* args; /* without argv[0] */
  const size_t* arg_lens;
  size_t arg_count;
  const char* const* env; /* KEY=value */
  const size_t* env_lens;
  size_t env_count;
  const char* sha256; /* of the command's file, 64 hex digits */
  size_t sha256_len;
  const char* const* protocols; /* that its handshake may name; "grpc", "http" */
  const size_t* protocol_lens;
  size_t protocol_count;
  const char* cookie_key; /* the three together, instead of the engine's */
  size_t cookie_key_len;
  const char* cookie_value;
  size_t cookie_value_len;
  const int32_t* protocol_versions;
  size_t protocol_version_count;
  int64_t start_timeout_ms;     /* to ready, then it is killed; 60000 */
  int64_t attach_timeout_ms;    /* of plugreload_host.attach; 10000 */
  int64_t drain_timeout_ms;     /* then the reload is `draining` and goes on behind; 10000 */
  int64_t graceful_timeout_ms;  /* before SIGTERM; none */
  int64_t terminate_timeout_ms; /* before SIGKILL; 5000 */
  int64_t kill_timeout_ms;      /* 2000 */
} plugreload_plugin;

/* A plugin at a path of a namespace. */
typedef struct plugreload_mount {
  size_t struct_size;
  const char* ns; /* none: the root */
  size_t ns_len;
  const char* path; /* required; "kv/", and for auth plugins "auth/ldap/" */
  size_t path_len;
  const char* plugin; /* name in the catalog; required */
  size_t plugin_len;
  const char* version; /* none: pin, else the unversioned entry, else the highest version */
  size_t version_len;
  const char* description;
  size_t description_len;
  const char* const* option_keys; /* these reach the instance */
  const size_t* option_key_lens;
  const char* const* option_values;
  const size_t* option_value_lens;
  size_t option_count;
  int32_t type; /* PLUGRELOAD_TYPE_; required */
  uint32_t flags;
} plugreload_mount;

/* Changes to a mount. NULL leaves a text or the options as they are; a pointer with length or
 * count 0 empties them. */
typedef struct plugreload_tune {
  size_t struct_size;
  const char* version;
  size_t version_len;
  const char* description;
  size_t description_len;
  const char* const* option_keys;
  const size_t* option_key_lens;
  const char* const* option_values;
  const size_t* option_value_lens;
  size_t option_count;
} plugreload_tune;

/* What to reload: every mount of a plugin, or these mounts. Exactly one of the two is given. */
typedef struct plugreload_request {
  size_t struct_size;
  const char* plugin;
  size_t plugin_len;
  const char* const* mounts; /* paths in `ns` */
  const size_t* mount_lens;
  size_t mount_count;
  const char* ns; /* none: the root */
  size_t ns_len;
  const char* reload_id; /* unique; none: one is made */
  size_t reload_id_len;
  int64_t start_timeout_ms; /* the plugin's own */
  int64_t drain_timeout_ms; /* the plugin's own; negative: do not wait for leases */
  int32_t type;             /* of `plugin`; any */
  int32_t reach;            /* of `plugin` */
  int32_t scope;
  int32_t order;
  int32_t policy;
  uint32_t flags;
  const char* pin_version; /* pinned in the commit of the request; needs `plugin` and its type */
  size_t pin_version_len;
  int32_t strategy;
  uint32_t max_unavailable; /* of a rolling reload; 1 */
} plugreload_request;

/* A Vault-shaped call as the host's HTTP server received it. */
typedef struct plugreload_call {
  size_t struct_size;
  const char* method; /* "GET", "POST", "LIST", ...; required */
  size_t method_len;
  const char* target; /* path and query: "/v1/sys/plugins/pins?list=true"; required */
  size_t target_len;
  const char* ns; /* X-Vault-Namespace */
  size_t ns_len;
  const char* token; /* X-Vault-Token, or the bearer */
  size_t token_len;
  const char* content_type;
  size_t content_type_len;
  const char* body;
  size_t body_len;
  const char* remote; /* address of the caller, for the authoriser */
  size_t remote_len;
} plugreload_call;

/* A held lease, in the caller's storage: start with PLUGRELOAD_LEASE_INIT (all zero). It may be
 * moved by memcpy; then only the new place counts. */
typedef struct plugreload_lease {
  uint64_t opaque[8];
} plugreload_lease;
#define PLUGRELOAD_LEASE_INIT  \
  {                            \
    { 0, 0, 0, 0, 0, 0, 0, 0 } \
  }

#endif /* PLUGRELOAD_PLUGRELOAD_TYPES_H_ */
