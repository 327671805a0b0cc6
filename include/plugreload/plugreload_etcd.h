/* plugreload/plugreload_etcd.h - the state store of a cluster, for hosts of the C ABI.
 *
 * libplugreload_etcd_c.so, beside libplugreload_c.so; its own soname counts its own breaks. What
 * holds of the store, its threads and of etcd stands in etcd.hpp; in short: etcd 3.4 or newer, a
 * commit is made once or not at all, gRPC keeps about ten threads until the process exits, and
 * whoever can write below the prefix decides what is run. Open it after fork.
 */
#ifndef PLUGRELOAD_PLUGRELOAD_ETCD_H_
#define PLUGRELOAD_PLUGRELOAD_ETCD_H_

#include <stddef.h>
#include <stdint.h>

#include "plugreload/plugreload.h"

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* Zero in a field is its default, as everywhere. Certificates and keys are PEM: the text itself, or
 * the absolute path of a file that is read once. */
typedef struct plugreload_etcd_options {
  size_t struct_size;
  const char* const* endpoints; /* "http://host:port" or "https://..." of every member; required */
  const size_t* endpoint_lens;
  size_t endpoint_count;
  const char* ca; /* whom to trust; the roots of the system */
  size_t ca_len;
  const char* certificate; /* of this client, with its key */
  size_t certificate_len;
  const char* key;
  size_t key_len;
  const char* server_name; /* that the certificate must have; the endpoint's host */
  size_t server_name_len;
  const char* user; /* none: no authentication by password */
  size_t user_len;
  const char* password;
  size_t password_len;
  const char* prefix; /* of every key; "plugreload/" */
  size_t prefix_len;
  int64_t try_timeout_ms; /* of one endpoint, before the next is asked; 1000 */
} plugreload_etcd_options;

/* Fills the caller's table, whose struct_size is set before; does not wait for etcd: one out of
 * reach shows in the calls. The table goes to plugreload_options.store; without an engine, call its
 * destroy. INVALID_ARGUMENT "invalid_etcd_options". [any] */
plugreload_code plugreload_etcd_store(const plugreload_etcd_options* options,
                                      plugreload_store_ops* store, plugreload_error** error);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif /* PLUGRELOAD_PLUGRELOAD_ETCD_H_ */
