/* memory_store.h - a store of the host's own in C, as small as the contract allows. */
#ifndef PLUGRELOAD_TESTS_CAPI_MEMORY_STORE_H_
#define PLUGRELOAD_TESTS_CAPI_MEMORY_STORE_H_

#include <pthread.h>

#include "plugreload/plugreload.h"

struct memory_document {
  char* key;
  size_t key_len;
  char* value;
  size_t value_len;
  int64_t revision;
};

struct memory_watch {
  plugreload_watcher watcher;
  char prefix[64];
  size_t prefix_len;
  struct memory_watch* next;
};

/* Keeps no past: who watches from an earlier revision is told so. Guarded by the mutex, which is
 * also held while watchers are called: so unwatch waits for them. */
struct memory_store {
  pthread_mutex_t mutex;
  struct memory_document documents[256]; /* sorted by key */
  size_t count;
  int64_t revision;
  struct memory_watch* watching;
  int watches, keepers, destroyed;
  int refuse; /* commits are UNAVAILABLE "tired" */
};
void memory_store_init(struct memory_store* store, plugreload_store_ops* table);
/* Tells every watcher of a revision that they have seen. */
void memory_store_repeat(struct memory_store* store);
void memory_store_free(struct memory_store* store);

#endif /* PLUGRELOAD_TESTS_CAPI_MEMORY_STORE_H_ */
