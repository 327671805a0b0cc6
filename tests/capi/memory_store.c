#include "memory_store.h"

#include <stdlib.h>
#include <string.h>

static char* copy(const char* text, size_t text_len) {
  char* made = malloc(text_len + 1);
  if (made == NULL) abort();
  if (text_len != 0) memcpy(made, text, text_len);
  return made;
}

static int compare(const char* a, size_t a_len, const char* b, size_t b_len) {
  int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
  return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Where the key is, or belongs. */
static size_t place_of(const struct memory_store* store, const char* key, size_t key_len,
                       int* there) {
  size_t at = 0;
  int order = 1;
  while (at < store->count && (order = compare(store->documents[at].key,
                                               store->documents[at].key_len, key, key_len)) < 0) {
    ++at;
  }
  *there = at < store->count && order == 0;
  return at;
}

static void remove_at(struct memory_store* store, size_t at) {
  free(store->documents[at].key);
  free(store->documents[at].value);
  --store->count;
  memmove(&store->documents[at], &store->documents[at + 1],
          (store->count - at) * sizeof store->documents[0]);
}

static void write_at(struct memory_store* store, size_t at, int there, const char* key,
                     size_t key_len, const char* value, size_t value_len) {
  struct memory_document* document = &store->documents[at];
  if (there) {
    free(document->value);
  } else {
    if (store->count == sizeof store->documents / sizeof store->documents[0]) abort();
    memmove(document + 1, document, (store->count - at) * sizeof *document);
    ++store->count;
    document->key = copy(key, key_len);
    document->key_len = key_len;
  }
  document->value = copy(value, value_len);
  document->value_len = value_len;
  document->revision = store->revision;
}

static int begins_with(const char* key, size_t key_len, const char* prefix, size_t prefix_len) {
  return key_len >= prefix_len && (prefix_len == 0 || memcmp(key, prefix, prefix_len) == 0);
}

static void tell(const struct memory_watch* watch, int64_t revision,
                 const plugreload_commit* commit) {
  const char *keys[PLUGRELOAD_MAX_CHANGES], *values[PLUGRELOAD_MAX_CHANGES];
  size_t key_lens[PLUGRELOAD_MAX_CHANGES], value_lens[PLUGRELOAD_MAX_CHANGES], i, told = 0;
  for (i = 0; i < commit->count; ++i) {
    if (commit->actions[i] == PLUGRELOAD_CHANGE_CHECK) continue;
    if (!begins_with(commit->keys[i], commit->key_lens[i], watch->prefix, watch->prefix_len)) {
      continue;
    }
    keys[told] = commit->keys[i];
    key_lens[told] = commit->key_lens[i];
    values[told] = commit->actions[i] == PLUGRELOAD_CHANGE_WRITE ? commit->values[i] : NULL;
    value_lens[told++] = commit->value_lens[i];
  }
  if (told == 0) return;
  watch->watcher.batch(watch->watcher.context, revision, keys, key_lens, values, value_lens, told);
}

static plugreload_code apply(struct memory_store* store, const plugreload_commit* commit,
                             const plugreload_reply* reply) {
  const struct memory_watch* watch;
  size_t i, at;
  int there;
  for (i = 0; i < commit->count; ++i) {
    at = place_of(store, commit->keys[i], commit->key_lens[i], &there);
    if (commit->expected[i] != PLUGRELOAD_ANY_REVISION &&
        commit->expected[i] != (there ? store->documents[at].revision : 0)) {
      reply->error(reply->context, "revision_mismatch", PLUGRELOAD_NTS, "somebody was faster",
                   PLUGRELOAD_NTS);
      return PLUGRELOAD_ABORTED;
    }
  }
  ++store->revision;
  for (i = 0; i < commit->count; ++i) {
    at = place_of(store, commit->keys[i], commit->key_lens[i], &there);
    if (commit->actions[i] == PLUGRELOAD_CHANGE_WRITE) {
      write_at(store, at, there, commit->keys[i], commit->key_lens[i], commit->values[i],
               commit->value_lens[i]);
    } else if (commit->actions[i] == PLUGRELOAD_CHANGE_REMOVE && there) {
      remove_at(store, at);
    }
  }
  for (watch = store->watching; watch != NULL; watch = watch->next) {
    tell(watch, store->revision, commit);
  }
  return PLUGRELOAD_OK;
}

static plugreload_code commit_changes(void* user_data, const plugreload_commit* commit,
                                      int64_t timeout_ms, int64_t* revision,
                                      const plugreload_reply* reply) {
  struct memory_store* store = user_data;
  plugreload_code code;
  if (timeout_ms == 0) return PLUGRELOAD_DEADLINE_EXCEEDED;
  pthread_mutex_lock(&store->mutex);
  if (store->refuse) {
    reply->error(reply->context, "tired", 5, "the store does not want to", PLUGRELOAD_NTS);
    code = PLUGRELOAD_UNAVAILABLE;
  } else {
    code = apply(store, commit, reply);
  }
  *revision = store->revision;
  pthread_mutex_unlock(&store->mutex);
  return code;
}

static plugreload_code load(void* user_data, const char* prefix, size_t prefix_len,
                            int64_t timeout_ms, int64_t* revision, const plugreload_reply* reply) {
  struct memory_store* store = user_data;
  size_t i;
  (void)timeout_ms;
  pthread_mutex_lock(&store->mutex);
  for (i = 0; i < store->count; ++i) {
    const struct memory_document* document = &store->documents[i];
    if (!begins_with(document->key, document->key_len, prefix, prefix_len)) continue;
    reply->document(reply->context, document->key, document->key_len, document->value,
                    document->value_len, document->revision);
  }
  *revision = store->revision;
  pthread_mutex_unlock(&store->mutex);
  return PLUGRELOAD_OK;
}

static plugreload_code watch(void* user_data, const char* prefix, size_t prefix_len, int64_t after,
                             const plugreload_watcher* watcher, void** made,
                             const plugreload_reply* reply) {
  struct memory_store* store = user_data;
  struct memory_watch* watching = calloc(1, sizeof *watching);
  (void)reply;
  if (watching == NULL || prefix_len > sizeof watching->prefix) abort();
  watching->watcher = *watcher;
  memcpy(watching->prefix, prefix, prefix_len);
  watching->prefix_len = prefix_len;
  pthread_mutex_lock(&store->mutex);
  watching->next = store->watching;
  store->watching = watching;
  ++store->watches;
  if (after < store->revision) {
    watcher->end(watcher->context, PLUGRELOAD_OUT_OF_RANGE, "compacted", PLUGRELOAD_NTS,
                 "it keeps no past", PLUGRELOAD_NTS);
  }
  pthread_mutex_unlock(&store->mutex);
  *made = watching;
  return PLUGRELOAD_OK;
}

static void unwatch(void* user_data, void* made) {
  struct memory_store* store = user_data;
  struct memory_watch** at;
  pthread_mutex_lock(&store->mutex);
  for (at = &store->watching; *at != made; at = &(*at)->next) continue;
  *at = (*at)->next;
  --store->watches;
  pthread_mutex_unlock(&store->mutex);
  free(made);
}

/* What is kept: a copy of its key, and its revision. */
static plugreload_code keep(void* user_data, const char* key, size_t key_len, const char* value,
                            size_t value_len, int64_t ttl_ms, int64_t timeout_ms, void** keeper,
                            const plugreload_reply* reply) {
  struct memory_store* store = user_data;
  struct memory_document* kept;
  const int32_t action = PLUGRELOAD_CHANGE_WRITE;
  const int64_t absent = 0;
  plugreload_commit commit;
  plugreload_code code;
  int64_t revision;
  (void)ttl_ms;
  memset(&commit, 0, sizeof commit);
  commit.struct_size = sizeof commit;
  commit.actions = &action;
  commit.keys = &key;
  commit.key_lens = &key_len;
  commit.values = &value;
  commit.value_lens = &value_len;
  commit.expected = &absent;
  commit.count = 1;
  code = commit_changes(user_data, &commit, timeout_ms, &revision, reply);
  if (code == PLUGRELOAD_ABORTED) {
    reply->error(reply->context, "key_in_use", PLUGRELOAD_NTS, "it is there", PLUGRELOAD_NTS);
    return PLUGRELOAD_ALREADY_EXISTS;
  }
  if (code != PLUGRELOAD_OK) return code;
  kept = calloc(1, sizeof *kept);
  if (kept == NULL) abort();
  kept->key = copy(key, key_len);
  kept->key_len = key_len;
  kept->revision = revision;
  pthread_mutex_lock(&store->mutex);
  ++store->keepers;
  pthread_mutex_unlock(&store->mutex);
  *keeper = kept;
  return PLUGRELOAD_OK;
}

static int64_t kept_revision(void* user_data, void* keeper) {
  struct memory_store* store = user_data;
  const struct memory_document* kept = keeper;
  int64_t revision;
  size_t at;
  int there;
  pthread_mutex_lock(&store->mutex);
  at = place_of(store, kept->key, kept->key_len, &there);
  revision = there && store->documents[at].revision == kept->revision ? kept->revision : 0;
  pthread_mutex_unlock(&store->mutex);
  return revision;
}

static void ignore(void* context, const char* reason, size_t reason_len, const char* message,
                   size_t message_len) {
  (void)context, (void)reason, (void)reason_len, (void)message, (void)message_len;
}

static void unkeep(void* user_data, void* keeper) {
  struct memory_store* store = user_data;
  struct memory_document* kept = keeper;
  const int32_t action = PLUGRELOAD_CHANGE_REMOVE;
  const char *key = kept->key, *none = NULL;
  const size_t none_len = 0;
  plugreload_reply reply;
  plugreload_commit commit;
  memset(&reply, 0, sizeof reply);
  reply.error = ignore;
  memset(&commit, 0, sizeof commit);
  commit.struct_size = sizeof commit;
  commit.actions = &action;
  commit.keys = &key;
  commit.key_lens = &kept->key_len;
  commit.values = &none;
  commit.value_lens = &none_len;
  commit.expected = &kept->revision;
  commit.count = 1;
  pthread_mutex_lock(&store->mutex);
  apply(store, &commit, &reply);
  --store->keepers;
  pthread_mutex_unlock(&store->mutex);
  free(kept->key);
  free(kept);
}

static void destroy(void* user_data) {
  struct memory_store* store = user_data;
  ++store->destroyed;
}

void memory_store_init(struct memory_store* store, plugreload_store_ops* table) {
  memset(store, 0, sizeof *store);
  pthread_mutex_init(&store->mutex, NULL);
  memset(table, 0, sizeof *table);
  table->struct_size = sizeof *table;
  table->user_data = store;
  table->commit = commit_changes;
  table->load = load;
  table->watch = watch;
  table->unwatch = unwatch;
  table->keep = keep;
  table->kept = kept_revision;
  table->unkeep = unkeep;
  table->destroy = destroy;
}

void memory_store_repeat(struct memory_store* store) {
  static const char key[] = "state/none";
  const char *keys = key, *value = NULL;
  const size_t key_len = sizeof key - 1, value_len = 0;
  const struct memory_watch* watching;
  pthread_mutex_lock(&store->mutex);
  for (watching = store->watching; watching != NULL; watching = watching->next) {
    watching->watcher.batch(watching->watcher.context, 1, &keys, &key_len, &value, &value_len, 1);
  }
  pthread_mutex_unlock(&store->mutex);
}

void memory_store_free(struct memory_store* store) {
  while (store->count > 0) remove_at(store, store->count - 1);
  pthread_mutex_destroy(&store->mutex);
}
