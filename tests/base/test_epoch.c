// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/epoch: stamps pass when readers move on, and nobody ever reads freed memory.
#include "dnsproxy/base/epoch.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void
sleepers_do_not_hold(void **state)
{
  (void)state;
  assert_true(epoch_passed(epoch_stamp()));
  epoch_enter(3);
  epoch_leave(3);
  assert_true(epoch_passed(epoch_stamp()));
}

static void
reader_holds_until_it_moves(void **state)
{
  (void)state;
  epoch_enter(0);
  epoch_enter(EPOCH_READERS - 1);
  uint64_t first = epoch_stamp();
  assert_false(epoch_passed(first));
  epoch_enter(0); // its next batch
  assert_false(epoch_passed(first));
  uint64_t second = epoch_stamp();
  assert_true(second > first);
  epoch_leave(EPOCH_READERS - 1);
  assert_true(epoch_passed(first));
  assert_false(epoch_passed(second));
  epoch_leave(0);
  assert_true(epoch_passed(second));
}

enum { READERS = 3, FREES = 3000, BATCH = 8, ALIVE = 0x5ca1ab1e };

struct node {
  uint32_t sign; // plain memory on purpose: the sanitizers see a read that comes too late
};

static _Atomic(struct node *) shared;
static _Atomic bool stop;

static struct node *
node_new(void)
{
  struct node *n = malloc(sizeof *n);
  assert_non_null(n);
  n->sign = ALIVE;
  return n;
}

static void *
read_for_ever(void *arg)
{
  unsigned reader = (unsigned)(uintptr_t)arg;
  uint64_t *bad = calloc(1, sizeof *bad);
  for (unsigned round = 0; !atomic_load_explicit(&stop, memory_order_relaxed); round++) {
    epoch_enter(reader);
    for (int i = 0; i < BATCH; i++) {
      const struct node *n = atomic_load_explicit(&shared, memory_order_acquire);
      *bad += n->sign != ALIVE;
    }
    if (round % 4 == 0)
      epoch_leave(reader);
  }
  epoch_leave(reader);
  return bad;
}

static void
nobody_reads_freed_memory(void **state)
{
  (void)state;
  pthread_t threads[READERS];
  atomic_store(&shared, node_new());
  for (uintptr_t i = 0; i < READERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, read_for_ever, (void *)(i + 10)), 0);
  for (int freed = 0; freed < FREES; freed++) {
    struct node *old = atomic_exchange_explicit(&shared, node_new(), memory_order_acq_rel);
    uint64_t stamp = epoch_stamp();
    while (!epoch_passed(stamp))
      sched_yield();
    old->sign = 0;
    free(old);
  }
  atomic_store(&stop, true);
  for (int i = 0; i < READERS; i++) {
    void *bad;
    pthread_join(threads[i], &bad);
    assert_int_equal(*(uint64_t *)bad, 0);
    free(bad);
  }
  free(atomic_load(&shared));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sleepers_do_not_hold),
      cmocka_unit_test(reader_holds_until_it_moves),
      cmocka_unit_test(nobody_reads_freed_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
