/* scenario.h - the whole life of an engine as a host in C sees it, once with instances that the
 * host makes itself and once with real processes. */
#ifndef PLUGRELOAD_TESTS_CAPI_SCENARIO_H_
#define PLUGRELOAD_TESTS_CAPI_SCENARIO_H_

#include "check.h"
#include "test_host.h"

#define SECRET PLUGRELOAD_TYPE_SECRET
#define NTS PLUGRELOAD_NTS
#define PATIENCE ((int64_t)30000)

extern struct test_host host;
extern struct test_launcher launcher;
extern int processes; /* whether the instances are processes */
extern plugreload_engine* engine;
extern const char* const namespaces[3];

/* setup.c */
void open_engine(const char* run_directory);
plugreload_code register_version(const char* version, const char* program);
void pin(const char* version);
plugreload_code mount_in(const char* ns, const char* path, uint32_t flags);
void fill_catalog_and_tree(void);
void list_mounts(void);
/* Takes a lease in each namespace and looks at it. */
void use_leases(const char* version);

/* reloads.c: each leaves v1.0.0 running, but the blocking one v2.0.0. */
plugreload_request by_plugin(void);
void reload_blocking(void);
void reload_submitted(void);
void reload_failing(void);
void reload_with_its_pin(void);

/* calls.c */
void dispatch_calls(void);
void bad_input(void);
void change_mounts(void);
void use_in_forked_child(void);
void close_with_held_lease(void);

#endif /* PLUGRELOAD_TESTS_CAPI_SCENARIO_H_ */
