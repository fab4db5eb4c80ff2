// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/observe: what observers are told, and that reading statistics waits for no script.
#include "dnsproxy/observe/metrics.h"

#include "dnsproxy/guard/rings.h"
#include "dnsproxy/observe/latency.h"
#include "dnsproxy/observe/observers.h"
#include "dnsproxy/wire/codes.h"
#include "lua/scripts/control_state.h"
#include "tests/walk_world.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- observers ----

static _Atomic unsigned told[EVENT_COUNT];
static bool wanted;

static bool
is_on(const struct observer *o)
{
  (void)o;
  return wanted;
}

#define COUNT(function, event)                                                                                         \
  static void function(const struct observer *o, const struct query *q)                                                \
  {                                                                                                                    \
    assert_string_equal(o->name, "test");                                                                              \
    assert_int_equal(q->magic, QUERY_MAGIC);                                                                           \
    told[event]++;                                                                                                     \
  }
COUNT(arrived, EVENT_ARRIVED)
COUNT(seen, EVENT_SEEN)
COUNT(sent, EVENT_SENT)
COUNT(answered, EVENT_ANSWERED)
COUNT(dropped, EVENT_DROPPED)
COUNT(timed_out, EVENT_TIMED_OUT)

static const struct observer observer = {
    .name = "test",
    .is_on = is_on,
    .told = {[EVENT_ARRIVED] = arrived,
             [EVENT_SEEN] = seen,
             [EVENT_SENT] = sent,
             [EVENT_ANSWERED] = answered,
             [EVENT_DROPPED] = dropped,
             [EVENT_TIMED_OUT] = timed_out}};

static void
use_observer(bool on)
{
  wanted = on;
  memset(told, 0, sizeof told);
  configuration_observe(&observer);
  walk_publish();
}

static void
assert_told(unsigned n_arrived, unsigned n_sent, unsigned n_answered, unsigned n_dropped, unsigned n_timed_out)
{
  walk_silent();
  assert_true(walk_balanced());
  assert_int_equal(told[EVENT_ARRIVED], n_arrived);
  assert_int_equal(told[EVENT_SEEN], n_arrived);
  assert_int_equal(told[EVENT_SENT], n_sent);
  assert_int_equal(told[EVENT_ANSWERED], n_answered);
  assert_int_equal(told[EVENT_DROPPED], n_dropped);
  assert_int_equal(told[EVENT_TIMED_OUT], n_timed_out);
}

static bool
has_timed_out(void)
{
  return walk_drops(DROP_TIMEOUT) > 0;
}

static void
test_events(void **state)
{
  (void)state;
  use_observer(true);
  walk_ask("a.test.", 0);
  walk_expect(RCODE_NOERROR);
  assert_told(1, 1, 1, 0, 0);
  walk_rule(CHAIN_QUERY, "QNameSuffixRule(here.test)", "RCodeAction(5)");
  walk_rule(CHAIN_QUERY, "QNameSuffixRule(gone.test)", "DropAction()");
  walk_publish();
  walk_ask("a.here.test.", 0);
  walk_expect(RCODE_REFUSED);
  assert_told(2, 1, 2, 0, 0);
  walk_ask("a.gone.test.", 0);
  walk_ask("b.here.test.", 0);
  walk_expect(RCODE_REFUSED);
  assert_told(4, 1, 3, 1, 0);
}

static void
test_time_out(void **state)
{
  (void)state;
  struct backend_options o;
  walk_backend_options(&o);
  o.udp_timeout_s = 1;
  walk_backend(&o);
  atomic_store(&walk.responder.mood, RESPOND_SILENCE);
  use_observer(true);
  walk_ask("a.test.", 0);
  walk_until(has_timed_out);
  assert_told(1, 1, 0, 1, 1);
}

// One that is off is not in the snapshot at all.
static void
test_off(void **state)
{
  (void)state;
  use_observer(false);
  walk_ask("a.test.", 0);
  walk_expect(RCODE_NOERROR);
  assert_told(0, 0, 0, 0, 0);
  struct snapshot *with = snapshot_current();
  walk_publish();
  struct snapshot *again = snapshot_current();
  assert_ptr_equal(with->observers, again->observers);
  object_unref(&with);
  wanted = true;
  walk_publish();
  with = snapshot_current();
  assert_int_equal(with->observers->count[EVENT_SEEN], again->observers->count[EVENT_SEEN] + 1);
  object_unref(&with);
  object_unref(&again);
}

// ---- reading ----

static sem_t locked, may_end;

static void *
hold_the_lock(void *arg)
{
  (void)arg;
  control_lock();
  sem_post(&locked);
  sem_wait(&may_end);
  control_unlock();
  return NULL;
}

static unsigned metric_count;
static double queries, custom;

static void
take_metric(const struct metric *m, void *arg)
{
  (void)arg;
  metric_count++;
  if (strcmp(m->name, "queries") == 0)
    queries = m->value;
  if (strcmp(m->name, "own") == 0)
    custom = m->value;
}

// A script that runs for ever holds the Lua lock: statistics are read all the same.
static void
test_no_lock(void **state)
{
  (void)state;
  pthread_t script;
  custom_metric_declare("own", CUSTOM_COUNTER, "", NULL, false);
  sem_init(&locked, 0, 0);
  sem_init(&may_end, 0, 0);
  pthread_create(&script, NULL, hold_the_lock, NULL);
  sem_wait(&locked);
  alarm(20); // whatever waits below ends the test
  for (int i = 0; i < 3; i++) {
    walk_ask("a.test.", 0);
    walk_expect(RCODE_NOERROR);
    custom_metric_add(custom_metric_any("own", ""), 1);
  }
  metrics_each(take_metric, NULL);
  assert_true(metric_count > 50);
  assert_true(queries == 3 && custom == 3);
  assert_true(latency_average(LATENCY_UDP, 0) > 0);
  size_t count;
  struct ring_entry *entries = ring_read_both(0, &count);
  assert_int_equal(count, 6);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(entries[i].kind, i % 2 == 0 ? RING_QUERIES : RING_ANSWERS);
  free(entries);
  // What showServers(), showPools() and showRules() show.
  struct snapshot *s = snapshot_current();
  assert_int_equal(s->pools->count, 1);
  assert_int_equal(s->pools->pools[0]->count, 1);
  assert_string_equal(backend_full_name(walk.backend), backend_full_name(walk.backend));
  object_unref(&s);
  assert_int_equal(drop_sum(DROP_RULE), 0);
  alarm(0);
  sem_post(&may_end);
  pthread_join(script, NULL);
  custom_metrics_clear();
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_events, walk_open, walk_close),
      cmocka_unit_test_setup_teardown(test_time_out, walk_open, walk_close),
      cmocka_unit_test_setup_teardown(test_off, walk_open, walk_close),
      cmocka_unit_test_setup_teardown(test_no_lock, walk_open, walk_close),
  };
  scripts_open();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
