// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/object: references taken and dropped by many threads.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/object.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 20000 };

struct thing {
  struct object object;
  uint64_t written[THREADS]; // by each thread while it holds a reference
  uint64_t *sum;
};

static _Atomic unsigned freed;

static void
thing_free(struct object *o)
{
  struct thing *t = (struct thing *)o;
  for (int i = 0; i < THREADS; i++)
    *t->sum += t->written[i];
  atomic_fetch_add(&freed, 1);
  free(t);
}

static const struct object_class thing_class = {.name = "Thing", .free = thing_free};

static struct thing *
thing_new(uint64_t *sum)
{
  struct thing *t = memory_new(sizeof *t);
  object_init(&t->object, &thing_class);
  t->sum = sum;
  return t;
}

static void
last_reference_frees(void **state)
{
  (void)state;
  uint64_t sum = 0;
  atomic_store(&freed, 0);
  struct thing *one = thing_new(&sum), *two = object_ref(one);
  assert_ptr_equal(one, two);
  assert_int_equal(object_refs(one), 2);
  object_unref(&one);
  assert_null(one);
  assert_int_equal(freed, 0);
  assert_int_equal(object_refs(two), 1);
  object_unref(&two);
  assert_null(two);
  assert_int_equal(freed, 1);
  object_unref(&two);
  assert_null(object_ref(NULL));
}

struct job {
  struct thing *thing;
  int number;
};

static void *
hold_and_drop(void *arg)
{
  struct job *job = arg;
  for (int i = 0; i < ROUNDS; i++) {
    struct thing *more = object_ref(job->thing);
    more->written[job->number]++;
    object_unref(&more);
  }
  object_unref(&job->thing);
  return NULL;
}

static void
threads_share(void **state)
{
  (void)state;
  uint64_t sum = 0;
  atomic_store(&freed, 0);
  struct thing *t = thing_new(&sum);
  pthread_t threads[THREADS];
  struct job jobs[THREADS];
  for (int i = 0; i < THREADS; i++) {
    jobs[i] = (struct job){.thing = object_ref(t), .number = i};
    assert_int_equal(pthread_create(&threads[i], NULL, hold_and_drop, &jobs[i]), 0);
  }
  object_unref(&t);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(freed, 1);
  assert_int_equal(sum, THREADS * ROUNDS);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(last_reference_frees),
      cmocka_unit_test(threads_share),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
