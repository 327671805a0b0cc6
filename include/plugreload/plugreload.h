/* plugreload/plugreload.h - the C ABI: leases on running plugins, and the call that replaces them.
 *
 * A host opens one engine, registers versions of plugins, mounts them in namespaces, and takes a
 * lease for every request that it forwards. It then pins another version and reloads: what runs is
 * replaced under load, and no request fails because of it.
 *
 * The rules. They hold for every function and are not repeated below.
 *
 *  1. Handles are opaque. Whoever receives one through an out-parameter owns it and frees it with
 *     the one _free of its type. NULL may be freed. Accessors take NULL for an empty object.
 *  2. A function that can fail returns a code. Its last parameter is an error (NULL: not wanted),
 *     written in every case: NULL on success, else an object of the caller's; it stays NULL when
 *     memory is too short for it. Other out-parameters are NULL or zero on failure. A NULL that is
 *     no choice is refused: INVALID_ARGUMENT "null_argument".
 *  3. Text in is a pointer and a length, and is copied. No terminator is needed; the length
 *     PLUGRELOAD_NTS says that there is one. NULL with length 0 is "none". An array of texts has
 *     an array of lengths beside it; NULL there: all are terminated.
 *  4. Text out is borrowed from the object it is asked of, and ends with that object. It is not
 *     NULL and has a terminator that *len does not count; len may be NULL. An index behind the end
 *     gives "" and 0.
 *  5. Structs begin with struct_size, the sizeof of the caller's. A smaller one, of an older
 *     header, reads as if the rest were zero. A larger one is accepted if all that is unknown here
 *     is zero; otherwise INVALID_ARGUMENT "struct_size". Zero in a field is its default. Structs
 *     are passed by pointer and may go when the call returns, callback tables too.
 *  6. Numbers are fixed-width integers with constants, never enum types. They keep their meaning
 *     for ever. New ones may come out: pass over what you do not know. Unknown ones that go in are
 *     refused.
 *  7. Times are milliseconds. timeout_ms 0 does not wait, PLUGRELOAD_DEFAULT is the default of the
 *     call (10 s where nothing is said), another negative number is refused. Every wait ends at
 *     its deadline.
 *  8. Threads, as tags behind the text of a declaration:
 *       [any]          from any thread, also at the same time
 *       [own]          from any thread, one at a time for one object
 *       [no-callback]  refused in a callback of the library: FAILED_PRECONDITION "in_callback"
 *       [blocks: ...]  how long; without the tag a call does not wait
 *     What was received (a report, an error, ...) never changes. Its accessors are [any], its
 *     _free is [own].
 *  9. Callbacks get the user_data of their table. They come from several threads at once, with no
 *     lock of the library held, and must not throw, longjmp or end their thread. `destroy` runs
 *     exactly once, after the last of them, also when the open that was given the table fails.
 * 10. A forked child has a copy that does nothing: FAILED_PRECONDITION "forked". After a close it
 *     is "closed": only closing again, taking events, releasing and freeing go on.
 * 11. No exception leaves the library: RESOURCE_EXHAUSTED "out_of_memory", else INTERNAL.
 * 12. A function never changes its signature or meaning; new ones are added. The soname,
 *     libplugreload_c.so.0, would change otherwise.
 */
#ifndef PLUGRELOAD_PLUGRELOAD_H_
#define PLUGRELOAD_PLUGRELOAD_H_

#include <stddef.h>
#include <stdint.h>

#include "plugreload/plugreload_host.h"
#include "plugreload/plugreload_store.h"
#include "plugreload/plugreload_types.h"
#include "plugreload/version.h"

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* The version of the library that runs, "0.1.0"; it may be newer than this header. [any] */
const char* plugreload_version(void);
/* "OK", "NOT_FOUND", ...; "CODE_UNKNOWN" for another number. Lives for ever. [any] */
const char* plugreload_code_name(plugreload_code code);

/* ---- Errors -------------------------------------------------------------------------------- */

/* The reason is one stable word for programs ("pinned_version"); the message is one line for a
 * person: what was tried, on which plugin, mount and namespace, what happened, what to do. Of NULL:
 * PLUGRELOAD_OK, "" and "". */
plugreload_code plugreload_error_code(const plugreload_error* error);
const char* plugreload_error_reason(const plugreload_error* error, size_t* len);
const char* plugreload_error_message(const plugreload_error* error, size_t* len);
void plugreload_error_free(plugreload_error* error);
/* For libraries beside this one, which report as it does. NULL for PLUGRELOAD_OK, and when memory
 * is too short. [any] [own] */
plugreload_error* plugreload_error_new(plugreload_code code, const char* reason, size_t reason_len,
                                       const char* message, size_t message_len);

/* ---- Engine -------------------------------------------------------------------------------- */

/* Opens an engine, by default with a state of its own in memory. Open it after the host has forked
 * or daemonised. options may be NULL. INVALID_ARGUMENT for an option that makes no sense;
 * FAILED_PRECONDITION "run_directory". A table whose struct_size cannot be one (0, or far too
 * large) is not read, so its destroy does not run. [any] [blocks: the sweep of what a crashed
 * predecessor left] */
plugreload_code plugreload_engine_open(const plugreload_options* options,
                                       plugreload_engine** engine, plugreload_error** error);
/* Waits until every mount that is not lazy serves or has failed. DEADLINE_EXCEEDED names those
 * that do not. [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_engine_wait_ready(plugreload_engine* engine, int64_t timeout_ms,
                                             plugreload_error** error);
/* Refuses new leases and reloads, waits for held leases, stops every instance. DEADLINE_EXCEEDED
 * "leases_held" tells how many: release them and close again. Idempotent; default 30 s.
 * [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_engine_close(plugreload_engine* engine, int64_t timeout_ms,
                                        plugreload_error** error);
/* Closes, then frees. Release every lease before: what they use is stopped under them, and a lease
 * must not be touched afterwards. It does nothing in a callback, nor in a forked child.
 * [own] [no-callback] [blocks: 30 s; soon after a close that was OK] */
void plugreload_engine_free(plugreload_engine* engine);

/* ---- Catalog ------------------------------------------------------------------------------- */

/* Adds the entry, or replaces the one with this type, name and version. What runs is not touched.
 * Whether the file matches its hash is checked at each start. INVALID_ARGUMENT, with a reason for
 * the field ("invalid_version", "missing_sha256", ...). [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_plugin_register(plugreload_engine* engine,
                                           const plugreload_plugin* plugin, int64_t timeout_ms,
                                           plugreload_error** error);
/* Removes one version, none for the unversioned entry; its instances go on. NOT_FOUND;
 * FAILED_PRECONDITION "pinned_version", or "version_in_use" when the options say so.
 * [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_plugin_deregister(plugreload_engine* engine, int32_t type,
                                             const char* name, size_t name_len, const char* version,
                                             size_t version_len, int64_t timeout_ms,
                                             plugreload_error** error);
/* Makes this version what runs at the next start or reload, whatever a mount says. NOT_FOUND when
 * it is not registered. [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_plugin_pin(plugreload_engine* engine, int32_t type, const char* name,
                                      size_t name_len, const char* version, size_t version_len,
                                      int64_t timeout_ms, plugreload_error** error);
/* Idempotent. [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_plugin_unpin(plugreload_engine* engine, int32_t type, const char* name,
                                        size_t name_len, int64_t timeout_ms,
                                        plugreload_error** error);

/* ---- Namespaces ---------------------------------------------------------------------------- */

/* Makes one namespace, "team/project"; leading and trailing slashes do not matter, none is the
 * root. NOT_FOUND for its parent, ALREADY_EXISTS, INVALID_ARGUMENT for a reserved name,
 * FAILED_PRECONDITION "shadows_mount". [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_namespace_create(plugreload_engine* engine, const char* ns,
                                            size_t ns_len, int64_t timeout_ms,
                                            plugreload_error** error);
/* FAILED_PRECONDITION "namespace_not_empty" while it has children or mounts.
 * [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_namespace_remove(plugreload_engine* engine, const char* ns,
                                            size_t ns_len, int64_t timeout_ms,
                                            plugreload_error** error);
/* Every namespace below this one, sorted by path. [any] */
plugreload_code plugreload_namespace_list(plugreload_engine* engine, const char* ns, size_t ns_len,
                                          plugreload_namespaces** namespaces,
                                          plugreload_error** error);
size_t plugreload_namespaces_count(const plugreload_namespaces* namespaces);
const char* plugreload_namespaces_path(const plugreload_namespaces* namespaces, size_t index,
                                       size_t* len);
void plugreload_namespaces_free(plugreload_namespaces* namespaces);

/* ---- Mounts -------------------------------------------------------------------------------- */

/* Starts an instance, or joins one, then mounts: a failed start means not mounted. A lazy mount is
 * mounted at once. ALREADY_EXISTS "path_in_use"; NOT_FOUND; INVALID_ARGUMENT; what the launcher
 * answers. Default 90 s. [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_mount_add(plugreload_engine* engine, const plugreload_mount* mount,
                                     int64_t timeout_ms, plugreload_error** error);
/* Unmounts, drains the leases, and stops the instance if nobody else uses it. DEADLINE_EXCEEDED
 * "draining": it is unmounted, the rest happens behind. Default 30 s.
 * [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_mount_remove(plugreload_engine* engine, const char* ns, size_t ns_len,
                                        const char* path, size_t path_len, int64_t timeout_ms,
                                        plugreload_error** error);
/* Gives a mount another path, namespace or both in one step; its instance goes on. NOT_FOUND,
 * ALREADY_EXISTS "path_in_use". [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_mount_move(plugreload_engine* engine, const char* from_ns,
                                      size_t from_ns_len, const char* from, size_t from_len,
                                      const char* to_ns, size_t to_ns_len, const char* to,
                                      size_t to_len, int64_t timeout_ms, plugreload_error** error);
/* Changes what is stored, for the next start or reload. NOT_FOUND; FAILED_PRECONDITION
 * "pinned_version". [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_mount_tune(plugreload_engine* engine, const char* ns, size_t ns_len,
                                      const char* path, size_t path_len,
                                      const plugreload_tune* tune, int64_t timeout_ms,
                                      plugreload_error** error);
/* The mounts of a namespace, or of all below it too (reach), sorted by namespace and path. [any] */
plugreload_code plugreload_mount_list(plugreload_engine* engine, const char* ns, size_t ns_len,
                                      int32_t reach, plugreload_mounts** mounts,
                                      plugreload_error** error);
/* Namespace and path are canonical: "team/", "kv/", the root is "". The running version means
 * something while the generation is not 0; the error is that of the last failed start or exit. */
size_t plugreload_mounts_count(const plugreload_mounts* mounts);
const char* plugreload_mounts_namespace(const plugreload_mounts* mounts, size_t index, size_t* len);
const char* plugreload_mounts_path(const plugreload_mounts* mounts, size_t index, size_t* len);
const char* plugreload_mounts_accessor(const plugreload_mounts* mounts, size_t index, size_t* len);
const char* plugreload_mounts_plugin(const plugreload_mounts* mounts, size_t index, size_t* len);
const char* plugreload_mounts_stored_version(const plugreload_mounts* mounts, size_t index,
                                             size_t* len);
const char* plugreload_mounts_running_version(const plugreload_mounts* mounts, size_t index,
                                              size_t* len);
const char* plugreload_mounts_instance(const plugreload_mounts* mounts, size_t index, size_t* len);
const char* plugreload_mounts_error(const plugreload_mounts* mounts, size_t index, size_t* len);
int32_t plugreload_mounts_type(const plugreload_mounts* mounts, size_t index);
int32_t plugreload_mounts_state(const plugreload_mounts* mounts, size_t index);
uint64_t plugreload_mounts_generation(const plugreload_mounts* mounts, size_t index);
int64_t plugreload_mounts_pid(const plugreload_mounts* mounts, size_t index);
void plugreload_mounts_free(plugreload_mounts* mounts);

/* ---- Leases: the hot path ------------------------------------------------------------------ */

/* The mount that `path` in `ns` leads to, also through child namespaces, and a lease on the
 * instance that serves it. Both are request text as it came, the path without leading slash. While
 * the mount serves it takes no lock, allocates nothing and reads no clock. When nothing serves
 * (starting, held by a stop-first reload, restarting) it waits: DEADLINE_EXCEEDED "not_ready".
 * UNAVAILABLE "mount_failed" at once when the mount has failed for good. NOT_FOUND
 * "namespace_not_found", "mount_not_found". What *lease held before is not looked at.
 * [any] [no-callback unless timeout_ms is 0] [blocks: timeout] */
plugreload_code plugreload_lease_acquire(plugreload_engine* engine, const char* ns, size_t ns_len,
                                         const char* path, size_t path_len, int64_t timeout_ms,
                                         plugreload_lease* lease, plugreload_error** error);
/* Ends the lease, on any thread; until then its instance is not stopped. Of an empty lease: does
 * nothing. Wait-free, unless leases are tracked. [own] */
void plugreload_lease_release(plugreload_lease* lease);
/* With PLUGRELOAD_TRACK_LEASES: says what holds the lease ("upload 7"), for who asks why an old
 * instance does not go away. 64 bytes are kept. Otherwise, and of an empty lease: does nothing.
 * [own] */
void plugreload_lease_tag(plugreload_lease* lease, const char* tag, size_t tag_len);
/* All [own], and "", 0 or NULL of an empty lease. The rest of the path, behind the mount's, is a
 * part of the `path` given to acquire: it lives as long, and has no terminator of its own. The
 * version is "" for the unversioned entry. The generation grows by one per swap of the mount.
 * Endpoint and protocol are "" for an object of the host. `attached` is what the host's attach
 * made, `object` what its launcher made. An option that the mount has not is NULL. */
const char* plugreload_lease_namespace(const plugreload_lease* lease, size_t* len);
const char* plugreload_lease_mount_path(const plugreload_lease* lease, size_t* len);
const char* plugreload_lease_rest(const plugreload_lease* lease, size_t* len);
const char* plugreload_lease_plugin(const plugreload_lease* lease, size_t* len);
const char* plugreload_lease_version(const plugreload_lease* lease, size_t* len);
const char* plugreload_lease_instance(const plugreload_lease* lease, size_t* len);
const char* plugreload_lease_endpoint(const plugreload_lease* lease, size_t* len);
const char* plugreload_lease_protocol(const plugreload_lease* lease, size_t* len);
int32_t plugreload_lease_protocol_version(const plugreload_lease* lease);
uint64_t plugreload_lease_generation(const plugreload_lease* lease);
int64_t plugreload_lease_pid(const plugreload_lease* lease);
void* plugreload_lease_attached(const plugreload_lease* lease);
void* plugreload_lease_object(const plugreload_lease* lease);
const char* plugreload_lease_option(const plugreload_lease* lease, const char* key, size_t key_len,
                                    size_t* len);

/* ---- Reloads ------------------------------------------------------------------------------- */

/* Replaces what runs by what the catalog says now. Returns when all is done, or at the drain
 * deadline with the state DRAINING. OK also when mounts failed, or paths are no mounts: that is
 * data in the report, and what served those mounts goes on. INVALID_ARGUMENT ("order_conflict":
 * stop first with all-or-nothing); NOT_FOUND "namespace_not_found"; ALREADY_EXISTS
 * "reload_id_in_use"; RESOURCE_EXHAUSTED "too_many_reloads". A request for a plugin that is being
 * reloaded runs next. [any] [no-callback] [blocks: start and drain timeouts of the plugins] */
plugreload_code plugreload_reload_run(plugreload_engine* engine, const plugreload_request* request,
                                      plugreload_report** report, plugreload_error** error);
/* The same without waiting: the report has the id to ask with. The event RELOAD_FINISHED tells the
 * end. [any] [no-callback] */
plugreload_code plugreload_reload_submit(plugreload_engine* engine,
                                         const plugreload_request* request,
                                         plugreload_report** report, plugreload_error** error);
/* How it stands. NOT_FOUND "reload_not_found": there is none, or no more. UNAVAILABLE: it is not
 * known here, and the store that is shared with others could not be asked within 2 s; so also from
 * wait, cancel and rollback. [any] [blocks: 4 s at most with a shared store, else not] */
plugreload_code plugreload_reload_find(plugreload_engine* engine, const char* reload_id,
                                       size_t reload_id_len, plugreload_report** report,
                                       plugreload_error** error);
/* Waits until it has ended and nothing drains; at the deadline gives how it stands then.
 * NOT_FOUND "reload_not_found". [any] [no-callback] [blocks: timeout] */
plugreload_code plugreload_reload_wait(plugreload_engine* engine, const char* reload_id,
                                       size_t reload_id_len, int64_t timeout_ms,
                                       plugreload_report** report, plugreload_error** error);
/* Stops a reload that has not committed. NOT_FOUND; FAILED_PRECONDITION "already_committed",
 * "already_finished". [any] [no-callback] */
plugreload_code plugreload_reload_cancel(plugreload_engine* engine, const char* reload_id,
                                         size_t reload_id_len, plugreload_error** error);
/* Undoes a reload that has ended: submits one of the same target and scope that pins what was
 * pinned before if that one set the pin, else the version that its mounts ran before. NOT_FOUND;
 * FAILED_PRECONDITION "not_finished", "nothing_to_roll_back", "several_versions" ran before, which
 * the message names. [any] [no-callback] */
plugreload_code plugreload_reload_rollback(plugreload_engine* engine, const char* reload_id,
                                           size_t reload_id_len, plugreload_report** report,
                                           plugreload_error** error);
/* What the request would do now; nothing is started or stopped. [any] [no-callback] */
plugreload_code plugreload_reload_plan(plugreload_engine* engine, const plugreload_request* request,
                                       plugreload_plan** plan, plugreload_error** error);

/* The reload as a whole. `joined` is the id of the one whose work it shared, "" for its own. Times
 * are Unix time; finished is 0 until it has. */
const char* plugreload_report_id(const plugreload_report* report, size_t* len);
const char* plugreload_report_joined(const plugreload_report* report, size_t* len);
int32_t plugreload_report_state(const plugreload_report* report);
int64_t plugreload_report_requested_at_ms(const plugreload_report* report);
int64_t plugreload_report_finished_at_ms(const plugreload_report* report);
size_t plugreload_report_reloaded_count(const plugreload_report* report);
size_t plugreload_report_failed_count(const plugreload_report* report);
size_t plugreload_report_skipped_count(const plugreload_report* report);
void plugreload_report_free(plugreload_report* report);
/* Each member of a reload that other engines of the store take part in, sorted by node: then the
 * state is that of all, mounts and counts are this engine's. None otherwise. By start: nothing was
 * reloaded, it started after the request. The error is that of its first failed mount. */
size_t plugreload_report_member_count(const plugreload_report* report);
const char* plugreload_report_member_node(const plugreload_report* report, size_t index,
                                          size_t* len);
const char* plugreload_report_member_name(const plugreload_report* report, size_t index,
                                          size_t* len);
const char* plugreload_report_member_error(const plugreload_report* report, size_t index,
                                           size_t* len);
int32_t plugreload_report_member_state(const plugreload_report* report, size_t index);
int32_t plugreload_report_member_by_start(const plugreload_report* report, size_t index);
size_t plugreload_report_member_reloaded_count(const plugreload_report* report, size_t index);
size_t plugreload_report_member_failed_count(const plugreload_report* report, size_t index);
/* Each of its mounts, sorted by namespace and path. Code, reason and message say why it failed or
 * was skipped. `draining` counts the leases that are still held on what ran before; `sealed` is 1
 * when what runs is a sealed copy of what was hashed. Mounts that share an instance share its
 * prepare time. */
size_t plugreload_report_count(const plugreload_report* report);
const char* plugreload_report_namespace(const plugreload_report* report, size_t index, size_t* len);
const char* plugreload_report_path(const plugreload_report* report, size_t index, size_t* len);
const char* plugreload_report_plugin(const plugreload_report* report, size_t index, size_t* len);
const char* plugreload_report_previous_version(const plugreload_report* report, size_t index,
                                               size_t* len);
const char* plugreload_report_running_version(const plugreload_report* report, size_t index,
                                              size_t* len);
const char* plugreload_report_instance(const plugreload_report* report, size_t index, size_t* len);
const char* plugreload_report_reason(const plugreload_report* report, size_t index, size_t* len);
const char* plugreload_report_message(const plugreload_report* report, size_t index, size_t* len);
int32_t plugreload_report_outcome(const plugreload_report* report, size_t index);
plugreload_code plugreload_report_code(const plugreload_report* report, size_t index);
int32_t plugreload_report_sealed(const plugreload_report* report, size_t index);
uint64_t plugreload_report_previous_generation(const plugreload_report* report, size_t index);
uint64_t plugreload_report_generation(const plugreload_report* report, size_t index);
int64_t plugreload_report_draining(const plugreload_report* report, size_t index);
int64_t plugreload_report_prepare_ms(const plugreload_report* report, size_t index);
int64_t plugreload_report_commit_us(const plugreload_report* report, size_t index);
int64_t plugreload_report_drain_ms(const plugreload_report* report, size_t index);
int64_t plugreload_report_retire_ms(const plugreload_report* report, size_t index);
/* The ten oldest leases that are still held on what ran before; none without
 * PLUGRELOAD_TRACK_LEASES. */
size_t plugreload_report_lease_count(const plugreload_report* report, size_t index);
const char* plugreload_report_lease_tag(const plugreload_report* report, size_t index, size_t lease,
                                        size_t* len);
int64_t plugreload_report_lease_age_ms(const plugreload_report* report, size_t index, size_t lease);

/* New instances that would be started; mounts with the same process number would share one. Code
 * and message say why a mount would fail before anything is started. Neighbours share an instance
 * with a mount of the request and would keep theirs. */
size_t plugreload_plan_process_count(const plugreload_plan* plan);
size_t plugreload_plan_count(const plugreload_plan* plan);
const char* plugreload_plan_namespace(const plugreload_plan* plan, size_t index, size_t* len);
const char* plugreload_plan_path(const plugreload_plan* plan, size_t index, size_t* len);
const char* plugreload_plan_running_version(const plugreload_plan* plan, size_t index, size_t* len);
const char* plugreload_plan_target_version(const plugreload_plan* plan, size_t index, size_t* len);
const char* plugreload_plan_message(const plugreload_plan* plan, size_t index, size_t* len);
plugreload_code plugreload_plan_code(const plugreload_plan* plan, size_t index);
size_t plugreload_plan_process(const plugreload_plan* plan, size_t index);
int32_t plugreload_plan_order(const plugreload_plan* plan, size_t index);
int32_t plugreload_plan_would_skip(const plugreload_plan* plan, size_t index);
size_t plugreload_plan_neighbour_count(const plugreload_plan* plan);
const char* plugreload_plan_neighbour_namespace(const plugreload_plan* plan, size_t index,
                                                size_t* len);
const char* plugreload_plan_neighbour_path(const plugreload_plan* plan, size_t index, size_t* len);
void plugreload_plan_free(plugreload_plan* plan);

/* ---- Dispatch: Vault's HTTP API ------------------------------------------------------------ */

/* Carries out a call to /v1/sys/..., after the host's authoriser has allowed it. What the call
 * answers is in the response, errors too; a code other than OK is about the C call alone.
 * [any] [no-callback] [blocks: dispatch_timeout_ms] */
plugreload_code plugreload_engine_dispatch(plugreload_engine* engine, const plugreload_call* call,
                                           plugreload_response** response,
                                           plugreload_error** error);
/* To be sent back: HTTP status, JSON body, content type, and X-Vault-Namespace unless "". */
int32_t plugreload_response_status(const plugreload_response* response);
const char* plugreload_response_body(const plugreload_response* response, size_t* len);
const char* plugreload_response_content_type(const plugreload_response* response, size_t* len);
const char* plugreload_response_namespace(const plugreload_response* response, size_t* len);
void plugreload_response_free(plugreload_response* response);

/* What the engine does and has done, as Prometheus scrapes it; its body is text.
 * [any] [no-callback] */
plugreload_code plugreload_engine_metrics(plugreload_engine* engine, plugreload_response** response,
                                          plugreload_error** error);

/* ---- Events, for hosts with a loop of their own -------------------------------------------- */

/* A descriptor that becomes readable when events wait, for poll or epoll, also edge-triggered: then
 * take until none is left. It may wake without an event. Only poll it; it is closed by the engine's
 * free. -1 without an engine and in a forked child. [any] */
int32_t plugreload_event_fd(const plugreload_engine* engine);
/* The oldest event, or OK and NULL when none waits. The queue holds max_events; when it is full the
 * oldest is dropped, and the next one taken is EVENTS_LOST with their count. Goes on after a
 * close. [any] */
plugreload_code plugreload_event_take(plugreload_engine* engine, plugreload_event** event,
                                      plugreload_error** error);
/* Texts are "" where the event is not about one; the plugin is "secret/kv v2.0.0". */
int32_t plugreload_event_kind(const plugreload_event* event);
const char* plugreload_event_reload_id(const plugreload_event* event, size_t* len);
const char* plugreload_event_namespace(const plugreload_event* event, size_t* len);
const char* plugreload_event_mount_path(const plugreload_event* event, size_t* len);
const char* plugreload_event_plugin(const plugreload_event* event, size_t* len);
const char* plugreload_event_instance(const plugreload_event* event, size_t* len);
const char* plugreload_event_message(const plugreload_event* event, size_t* len);
uint64_t plugreload_event_generation(const plugreload_event* event);
uint64_t plugreload_event_count(const plugreload_event* event);
uint64_t plugreload_event_total(const plugreload_event* event);
/* Of the mount ("held") or of the reload ("drain"). */
const char* plugreload_event_state(const plugreload_event* event, size_t* len);
void plugreload_event_free(plugreload_event* event);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif /* PLUGRELOAD_PLUGRELOAD_H_ */
