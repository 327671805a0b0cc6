/* tests/bench/urcu_peer.h - liburcu's memb flavour, its read side inlined as its manual says. In C,
 * for its headers are not C++20. */
#ifndef PLUGRELOAD_TESTS_BENCH_URCU_PEER_H_
#define PLUGRELOAD_TESTS_BENCH_URCU_PEER_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void urcu_peer_begin_thread(void);
void urcu_peer_end_thread(void);
/* Sections with a look at what is published, `operations` of them. */
unsigned long urcu_peer_read(size_t operations);
/* Publishes something else, and returns when nobody holds the old. */
void urcu_peer_swap(void);

#ifdef __cplusplus
}
#endif

#endif /* PLUGRELOAD_TESTS_BENCH_URCU_PEER_H_ */
