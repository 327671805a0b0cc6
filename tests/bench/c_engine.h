/* tests/bench/c_engine.h - a runtime behind the C ABI, and a loop of leases in C. */
#ifndef PLUGRELOAD_TESTS_BENCH_C_ENGINE_H_
#define PLUGRELOAD_TESTS_BENCH_C_ENGINE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CEngine CEngine;
typedef struct c_request {
  const char* ns;
  size_t ns_len;
  const char* path;
  size_t path_len;
} c_request;

/* NULL, and the rest 0: refused, with a line on stderr. Mounts are objects of the host, one each.
 */
CEngine* c_engine_open(void);
int c_engine_namespace(CEngine* engine, const char* ns, size_t len);
int c_engine_mount(CEngine* engine, const char* ns, size_t ns_len, const char* path, size_t len);
/* Takes and releases `operations` leases, each when the last is gone; how many it got. `zero` is 0.
 */
size_t c_engine_lease(CEngine* engine, const c_request* requests, size_t mask, size_t operations,
                      uint64_t zero);
void c_engine_close(CEngine* engine);

#ifdef __cplusplus
}
#endif

#endif /* PLUGRELOAD_TESTS_BENCH_C_ENGINE_H_ */
