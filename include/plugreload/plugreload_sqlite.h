/* plugreload/plugreload_sqlite.h - the durable store of one machine, for hosts of the C ABI.
 *
 * libplugreload_sqlite_c.so, beside libplugreload_c.so; its own soname counts its own breaks. What
 * the file is, who may have it open and what trust it needs stands in sqlite.hpp; in short: on a
 * local file system, any number of processes of one machine, owned by this user, mode 0600, in a
 * directory that only trusted users write to, because what is in it is run. Open it after fork.
 */
#ifndef PLUGRELOAD_PLUGRELOAD_SQLITE_H_
#define PLUGRELOAD_PLUGRELOAD_SQLITE_H_

#include <stddef.h>
#include <stdint.h>

#include "plugreload/plugreload.h"

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* Zero in a field is its default, as everywhere. */
typedef struct plugreload_sqlite_options {
  size_t struct_size;
  const char* path; /* of the file; made when it is not there, its directory is not; required */
  size_t path_len;
  size_t history;          /* commits that a late watcher can catch up on; 10000 */
  size_t history_bytes;    /* and their keys and values; 64 MiB */
  int64_t open_timeout_ms; /* for others who have the file locked; 10000 */
} plugreload_sqlite_options;

/* Opens the file and fills the caller's table, whose struct_size is set before. The table goes to
 * plugreload_options.store; without an engine, call its destroy. INVALID_ARGUMENT
 * "invalid_sqlite_options"; FAILED_PRECONDITION "store_directory", "store_file", "store_foreign",
 * "store_newer", "store_read_only"; DATA_LOSS "store_corrupt"; RESOURCE_EXHAUSTED "store_full";
 * DEADLINE_EXCEEDED. A file that is refused is not changed. [any] [blocks: open_timeout_ms] */
plugreload_code plugreload_sqlite_store(const plugreload_sqlite_options* options,
                                        plugreload_store_ops* store, plugreload_error** error);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif /* PLUGRELOAD_PLUGRELOAD_SQLITE_H_ */
