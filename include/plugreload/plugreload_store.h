/* plugreload/plugreload_store.h - where the state lives, as a table of functions.
 *
 * Included by plugreload.h, which has the rules. A host may bring its own store, or take one of a
 * library beside this one (plugreload_sqlite.h). A store has small documents under keys, changed by
 * commits that are counted: the first is revision 1, and a document's revision is that of the
 * commit that last wrote it.
 *
 * Here the library calls the store: texts that it is given are borrowed and end with the call, have
 * a length and no terminator, and may hold any byte. Functions are called from several threads at
 * once. timeout_ms is how long a call may wait; when it is over, the call returns, and nothing was
 * changed unless it says so.
 */
#ifndef PLUGRELOAD_PLUGRELOAD_STORE_H_
#define PLUGRELOAD_PLUGRELOAD_STORE_H_

#include <stddef.h>
#include <stdint.h>

#include "plugreload/plugreload_host.h"
#include "plugreload/plugreload_types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { /* plugreload_commit.actions */
       PLUGRELOAD_CHANGE_WRITE = 0,
       PLUGRELOAD_CHANGE_REMOVE = 1, /* nothing when there is no such document */
       PLUGRELOAD_CHANGE_CHECK = 2   /* only compare */
};
enum { /* plugreload_commit.expected: any revision. 0: the document must not exist */
       PLUGRELOAD_ANY_REVISION = -1
};
enum { /* what every store must take, and need not exceed: more is INVALID_ARGUMENT */
       PLUGRELOAD_MAX_CHANGES = 100,
       PLUGRELOAD_MAX_VALUE_BYTES = 524288,  /* of one document */
       PLUGRELOAD_MAX_COMMIT_BYTES = 1048576 /* keys and values of one commit */
};

/* Changes that are applied all as one revision, or not at all. No key comes twice. */
typedef struct plugreload_commit {
  size_t struct_size;
  const int32_t* actions; /* PLUGRELOAD_CHANGE_ */
  const char* const* keys;
  const size_t* key_lens;
  const char* const* values; /* of writes */
  const size_t* value_lens;
  const int64_t* expected;
  size_t count;
} plugreload_commit;

/* Where a function of a store says more than its code; ends with the call. */
typedef struct plugreload_reply {
  size_t struct_size;
  void* context;
  /* Why the code is not OK: one stable word, and a line for a person. */
  void (*error)(void* context, const char* reason, size_t reason_len, const char* message,
                size_t message_len);
  /* One document of a load; they come sorted by key, as bytes. */
  void (*document)(void* context, const char* key, size_t key_len, const char* value,
                   size_t value_len, int64_t revision);
} plugreload_reply;

/* Who watches; copied by the store, valid until its unwatch has returned. Both functions come from
 * one thread at a time. The library takes no offence at a call that comes later, nor at one that
 * breaks the order: it ends the watch. */
typedef struct plugreload_watcher {
  size_t struct_size;
  void* context;
  /* What one commit changed below the prefix; a NULL value: removed. In the order of revisions,
   * each once, none left out. */
  void (*batch)(void* context, int64_t revision, const char* const* keys, const size_t* key_lens,
                const char* const* values, const size_t* value_lens, size_t count);
  /* The last call: OUT_OF_RANGE "compacted" when the store no longer has what comes next,
   * UNAVAILABLE when it ends. The library loads and watches again. */
  void (*end)(void* context, plugreload_code code, const char* reason, size_t reason_len,
              const char* message, size_t message_len);
} plugreload_watcher;

/* ABORTED "revision_mismatch": a compare failed. DEADLINE_EXCEEDED, UNAVAILABLE: nothing was
 * changed. UNKNOWN: it may have been. *revision: of the commit, or the store's own when nothing had
 * to be changed. */
typedef plugreload_code (*plugreload_store_commit_fn)(void* user_data,
                                                      const plugreload_commit* commit,
                                                      int64_t timeout_ms, int64_t* revision,
                                                      const plugreload_reply* reply);
/* Every document whose key begins with the prefix, and the store's revision, as of one moment. */
typedef plugreload_code (*plugreload_store_load_fn)(void* user_data, const char* prefix,
                                                    size_t prefix_len, int64_t timeout_ms,
                                                    int64_t* revision,
                                                    const plugreload_reply* reply);
/* Tells of every commit after revision `after` that touches the prefix, until unwatch. *watch is
 * what unwatch gets. */
typedef plugreload_code (*plugreload_store_watch_fn)(void* user_data, const char* prefix,
                                                     size_t prefix_len, int64_t after,
                                                     const plugreload_watcher* watcher,
                                                     void** watch, const plugreload_reply* reply);
/* Waits for a running batch or end; calls neither after it has returned. */
typedef void (*plugreload_store_unwatch_fn)(void* user_data, void* watch);
/* Creates the document and keeps it alive: when this process dies without a word the store removes
 * it, at once where it can know, else after ttl_ms at the earliest. ALREADY_EXISTS "key_in_use";
 * codes of commit otherwise, but never UNKNOWN. *keeper is what kept and unkeep get. */
typedef plugreload_code (*plugreload_store_keep_fn)(void* user_data, const char* key,
                                                    size_t key_len, const char* value,
                                                    size_t value_len, int64_t ttl_ms,
                                                    int64_t timeout_ms, void** keeper,
                                                    const plugreload_reply* reply);
/* The revision of what is kept; 0 when it is gone, for good. Does not wait. */
typedef int64_t (*plugreload_store_kept_fn)(void* user_data, void* keeper);
/* Removes the document if it is still its own; waits a second at most. */
typedef void (*plugreload_store_unkeep_fn)(void* user_data, void* keeper);

/* A store. All functions but destroy are required. For plugreload_options.store; then `destroy` is
 * called once by the engine, else whoever has the table calls it. */
typedef struct plugreload_store_ops {
  size_t struct_size;
  void* user_data;
  plugreload_store_commit_fn commit;
  plugreload_store_load_fn load;
  plugreload_store_watch_fn watch;
  plugreload_store_unwatch_fn unwatch;
  plugreload_store_keep_fn keep;
  plugreload_store_kept_fn kept;
  plugreload_store_unkeep_fn unkeep;
  plugreload_destroy_fn destroy;
} plugreload_store_ops;

#ifdef __cplusplus
}
#endif

#endif /* PLUGRELOAD_PLUGRELOAD_STORE_H_ */
