/* plugreload/plugreload_goplugin.h - HashiCorp's go-plugin plugins, for hosts of the C ABI.
 *
 * libplugreload_goplugin_c.so, beside libplugreload_c.so; its own soname counts its own breaks. It
 * runs the plugins, asks for their health, reads what they log, and stops them; what holds of all
 * this stands in goplugin.hpp. It gives no gRPC channel to a host in C: it says where the plugin
 * listens and with what to connect, for the gRPC of the host's own language.
 *
 * gRPC keeps threads of its own until the process exits. Make the launcher after fork.
 */
#ifndef PLUGRELOAD_PLUGRELOAD_GOPLUGIN_H_
#define PLUGRELOAD_PLUGRELOAD_GOPLUGIN_H_

#include <stddef.h>
#include <stdint.h>

#include "plugreload/plugreload.h"

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

enum {                                    /* how host and plugin know each other */
       PLUGRELOAD_GOPLUGIN_AUTO_MTLS = 0, /* TLS, each side trusts the other's one certificate */
       PLUGRELOAD_GOPLUGIN_PLAIN = 1 /* none; the owner of the socket is the process just started */
};

/* One line of a plugin, with the level and the named values of one that logs as hclog does in JSON.
 * From threads of the launcher, several at once. */
typedef void (*plugreload_goplugin_log_fn)(void* user_data, int32_t level, const char* instance,
                                           size_t instance_len, const char* message,
                                           size_t message_len, const char* const* names,
                                           const size_t* name_lens, const char* const* values,
                                           const size_t* value_lens, size_t value_count);

/* Zero in a field is its default, as everywhere. */
typedef struct plugreload_goplugin_options {
  size_t struct_size;
  int32_t security;          /* PLUGRELOAD_GOPLUGIN_ */
  uint32_t health_failures;  /* in a row; then the instance counts as ended; 3 */
  const char* run_directory; /* of private directories, short; as in plugreload_options */
  size_t run_directory_len;
  const char* const* env; /* KEY=value for every child */
  const size_t* env_lens;
  size_t env_count;
  const char* const* inherit_env; /* names of variables that children see; PATH, LANG, TZ */
  const size_t* inherit_env_lens;
  size_t inherit_env_count;
  plugreload_goplugin_log_fn log; /* none: what plugins write is read and dropped */
  void* user_data;                /* of log and destroy */
  plugreload_destroy_fn destroy;  /* once, after the last call of log, also on failure */
  int64_t health_interval_ms;     /* 5000 */
  int64_t health_timeout_ms;      /* 2000 */
  int64_t shutdown_timeout_ms;    /* of asking a plugin to end, before signals; 2000 */
  size_t max_message_bytes;       /* that a plugin may send, of the library's own calls; 64 MiB */
} plugreload_goplugin_options;

/* Fills the caller's table, whose struct_size is set before. It goes to
 * plugreload_options.launchers; without an engine, call its destroy. options may be NULL.
 * INVALID_ARGUMENT; FAILED_PRECONDITION "run_directory"; RESOURCE_EXHAUSTED "threads".
 * [any] [blocks: the sweep of what a crashed predecessor left] */
plugreload_code plugreload_goplugin_launcher(const plugreload_goplugin_options* options,
                                             plugreload_launcher_ops* launcher,
                                             plugreload_error** error);

/* How to connect to an instance. `object` is what plugreload_lease_object gives of a lease on an
 * instance of this launcher, or plugreload_launch_object in attach; never one of another launcher.
 * The texts are the instance's and live as long as the lease, or from attach to detach. Of NULL:
 * "". All but the target are "" without TLS; then say "localhost" as authority. [any] */
const char* plugreload_goplugin_target(const void* object, size_t* len);      /* "unix:/path" or
                                                                                 "ipv4:127.0.0.1:1" */
const char* plugreload_goplugin_server_name(const void* object, size_t* len); /* to expect */
const char* plugreload_goplugin_root_pem(const void* object, size_t* len);    /* alone to trust */
const char* plugreload_goplugin_certificate_pem(const void* object, size_t* len); /* the host's */
/* The host's: keep it secret. */
const char* plugreload_goplugin_private_key_pem(const void* object, size_t* len);

/* 1: one process serves many mounts, and every call names the one it is for in its metadata
 * "multiplex_id". 0: it does not. -1: it does not say, ask again. Asks the plugin until it has
 * answered once. [any] [blocks: 2 s] */
int32_t plugreload_goplugin_multiplexing(const void* object);

/* go-plugin's broker, for plugins that call services of the host: offers the server that listens on
 * `address` ("unix:/path", "tcp:127.0.0.1:1234") and gives the number by which the plugin dials it.
 * UNAVAILABLE "broker_closed"; INVALID_ARGUMENT "invalid_address". [any] */
plugreload_code plugreload_goplugin_offer(const void* object, const char* address,
                                          size_t address_len, uint32_t* number,
                                          plugreload_error** error);

/* Puts what hosts of a known kind need into a plugin that is to be registered: cookie, versions and
 * environment, which are the library's and live for ever. Known: "vault_backend", "vault_database".
 * NOT_FOUND "unknown_profile"; FAILED_PRECONDITION "env_given" when it has an environment already:
 * it must hold VAULT_PLUGIN_AUTOMTLS_ENABLED=true then. [any] */
plugreload_code plugreload_goplugin_profile(const char* name, size_t name_len,
                                            plugreload_plugin* plugin, plugreload_error** error);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif /* PLUGRELOAD_PLUGRELOAD_GOPLUGIN_H_ */
