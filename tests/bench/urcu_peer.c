#define _LGPL_SOURCE
#define URCU_INLINE_SMALL_FUNCTIONS
#include "urcu_peer.h"

#include <urcu/urcu-memb.h>

struct value {
  unsigned long number;
};

static struct value values[2] = {{1}, {2}};
static struct value* current = &values[0];

void urcu_peer_begin_thread(void) { urcu_memb_register_thread(); }
void urcu_peer_end_thread(void) { urcu_memb_unregister_thread(); }

unsigned long urcu_peer_read(size_t operations) {
  unsigned long sum = 0;
  size_t i;
  for (i = 0; i < operations; ++i) {
    urcu_memb_read_lock();
    sum += rcu_dereference(current)->number;
    urcu_memb_read_unlock();
  }
  return sum;
}

void urcu_peer_swap(void) {
  rcu_assign_pointer(current, current == &values[0] ? &values[1] : &values[0]);
  urcu_memb_synchronize_rcu();
}
