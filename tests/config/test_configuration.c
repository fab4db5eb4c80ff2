// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/config/configuration: several beside each other, with all that scripts and services have of them.
#include "lua/scripts/scripts.h"
#include "lua/scripts/thread_state.h"
#include "services/dns_service.h"
#include "tests/configuration_fixture.h"
#include "tests/fake_worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define QUERY "1234 0100 0001 0000 0000 0000 03'www'07'example'04'test'00 0001 0001"

static int
set_up(void **state)
{
  (void)state;
  scripts_open();
  services_open();
  configuration_fixture_open(PHASE_LOADING);
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  thread_state_end();
  configuration_fixture_close();
  return 0;
}

static bool
try_in(struct configuration *c, const char *command, struct text *answer)
{
  bool effect;
  text_clear(answer);
  control_lock_of(c);
  bool good = control_execute(command, strlen(command), answer, &effect);
  control_unlock();
  return good;
}

static void
check_in(struct configuration *c, const char *command, const char *wanted)
{
  struct text answer;
  text_init(&answer);
  if (!try_in(c, command, &answer) || strcmp(answer.data, wanted) != 0)
    fail_msg("%s -> %s, and not %s", command, answer.data, wanted);
  text_fini(&answer);
}

static void
run_in(struct configuration *c, const char *command)
{
  check_in(c, command, "");
}

static bool
load_into(struct configuration *c, const char *content)
{
  char path[] = "/tmp/test_configuration.XXXXXX";
  struct fault fault = FAULT_INIT;
  struct text detail;
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
  close(fd);
  text_init(&detail);
  control_lock_of(c);
  bool good = control_load_file(path, &fault, &detail);
  control_unlock();
  unlink(path);
  text_fini(&detail);
  return good;
}

static const char everything[] =
    "word = '%s' newServer{address='192.0.2.%d', name='%s'} addAction(AllRule(), LuaAction(function(dq) "
    "seen = (seen or 0) + 1 return DNSAction.None end)) setACL('192.0.2.%d/32') setServerID('%s') "
    "addMaintenanceCallback(function() beats = (beats or 0) + 1 end) setQueryCountFilter(function(dq) return true, word end) "
    "setECSOverride(%s) setServerPolicy(%s) addDynamicBlock('192.0.2.%d', 'x') "
    "addDNSService{name='service', listen='127.0.0.1:0'} threads = %d";

static void
fill(struct configuration *c, const char *word, int number, bool flag)
{
  char text[1024];
  snprintf(text, sizeof text, everything, word, number, word, number, word, flag ? "true" : "false",
           flag ? "roundrobin" : "firstAvailable", number, number);
  assert_true(load_into(c, text));
}

static void
each_has_its_own(void **state)
{
  (void)state;
  struct configuration *a = config(), *b = configuration_new(PHASE_LOADING);
  fill(a, "one", 1, true);
  check_in(b, "word", "");
  check_in(b, "#getServers()", "0\n");
  fill(b, "two", 2, false);
  struct configuration *all[] = {a, b};
  const char *words[] = {"one\n", "two\n"}, *policies[] = {"roundrobin\n", "firstAvailable\n"};
  for (unsigned i = 0; i < 2; i++) {
    struct configuration *c = all[i];
    check_in(c, "word", words[i]);
    check_in(c, "getServer(0)", words[i]);
    check_in(c, "getServerID()", words[i]);
    check_in(c, "showServerPolicy()", policies[i]);
    assert_int_equal(c->chains[CHAIN_QUERY].count, 1);
    assert_int_equal(c->pools.backend_count, 1);
    assert_int_equal(netmask_set_count(c->acl), 1);
    assert_int_equal(c->listener_count, 2);
    assert_int_equal(c->service_count, 1);
    assert_true(c->settings.ecs_override == (i == 0));
  }
  assert_false(uuid_equal(&a->services[0]->uuid, &b->services[0]->uuid));
  // History and callbacks.
  run_in(b, "clearRules()");
  struct text answer;
  text_init(&answer);
  assert_true(try_in(a, "delta()", &answer) && strstr(answer.data, "clearRules") == NULL);
  assert_true(try_in(b, "delta()", &answer) && strstr(answer.data, "clearRules") != NULL);
  text_fini(&answer);
  assert_int_equal(a->chains[CHAIN_QUERY].count, 1);
  control_lock_of(b);
  control_maintenance();
  control_unlock();
  check_in(a, "beats", "");
  check_in(b, "beats", "1\n");
  control_maintenance(); // of the live one
  check_in(a, "beats", "1\n");
  configuration_retire(&b);
  configuration_reap();
  check_in(a, "word", "one\n");
}

static void
a_file_that_fails_is_of_no_consequence(void **state)
{
  (void)state;
  struct configuration *a = config(), *b = configuration_new(PHASE_LOADING);
  fill(a, "one", 1, true);
  a->phase = PHASE_RUNNING;
  configuration_publish();
  struct snapshot *before = snapshot_current();
  assert_false(load_into(b, "clearRules() newServer('192.0.2.9') word = 'x' setServerPolicy(wrandom) error('x')"));
  configuration_retire(&b);
  configuration_reap();
  struct snapshot *after = snapshot_current();
  assert_ptr_equal(before, after);
  object_unref(&before);
  object_unref(&after);
  check_in(a, "word", "one\n");
  check_in(a, "showServerPolicy()", "roundrobin\n");
  assert_int_equal(a->chains[CHAIN_QUERY].count, 1);
}

// A command of one is taken back in that one alone, also when another one is loaded in the middle of it.
static void
transactions_are_apart(void **state)
{
  (void)state;
  struct configuration *a = config(), *b = configuration_new(PHASE_LOADING);
  fill(a, "one", 1, true);
  a->phase = PHASE_RUNNING;
  control_lock_of(a);
  undo_begin();
  rule_list_clear(&a->chains[CHAIN_QUERY]);
  fill(b, "two", 2, false);
  assert_ptr_equal(config(), a);
  undo_back();
  control_unlock();
  assert_int_equal(a->chains[CHAIN_QUERY].count, 1);
  assert_int_equal(b->chains[CHAIN_QUERY].count, 1);
  assert_int_equal(b->pools.backend_count, 1);
  configuration_retire(&b);
  configuration_reap();
}

// It never looks into its mailbox.
static void
close_worker(struct fake_worker *f)
{
  struct snapshot *unread = atomic_exchange(&f->worker->mailbox, NULL);
  object_unref(&unread);
  fake_worker_close(f);
}

static enum verdict
run_rule(struct fake_worker *f, const struct rule *r)
{
  struct query *q = fake_query(f, QUERY);
  enum verdict verdict = r->action->kind->run(r->action, q);
  fake_query_free(&q);
  return verdict;
}

// Whichever is live: a function runs where it was made. Copied ones know the values of their own, by turns.
static void
functions_run_at_home(void **state)
{
  (void)state;
  struct fake_worker f;
  struct configuration *a = config(), *b = configuration_new(PHASE_LOADING);
  fake_worker_open(&f);
  run_in(a, "addAction(AllRule(), LuaAction(function(dq) seen = (seen or 0) + 1 return DNSAction.None end)) "
            "answer = DNSAction.None addAction(AllRule(), LuaAction(function(dq) return answer end))");
  run_in(b, "addAction(AllRule(), LuaAction(function(dq) seen = (seen or 10) + 1 return DNSAction.None end)) "
            "answer = DNSAction.Drop addAction(AllRule(), LuaAction(function(dq) return answer end))");
  struct rule *const *in_a = a->chains[CHAIN_QUERY].rules, *const *in_b = b->chains[CHAIN_QUERY].rules;
  for (int i = 0; i < 3; i++) {
    assert_int_equal(run_rule(&f, in_a[0]), VERDICT_NEXT);
    assert_int_equal(run_rule(&f, in_b[0]), VERDICT_NEXT);
    assert_int_equal(run_rule(&f, in_a[1]), VERDICT_NEXT);
    assert_int_equal(run_rule(&f, in_b[1]), VERDICT_DROP);
  }
  check_in(a, "seen", "3\n");
  check_in(b, "seen", "13\n");
  struct text answer;
  text_init(&answer);
  for (unsigned i = 0; i < 2; i++) {
    assert_true(try_in(i == 0 ? a : b, "showLuaFunctions()", &answer));
    assert_non_null(strstr(answer.data, " copied "));
    assert_non_null(strstr(answer.data, " shared "));
  }
  text_fini(&answer);
  struct configuration *was = configuration_go_live(b);
  assert_ptr_equal(was, a);
  assert_int_equal(run_rule(&f, in_a[0]), VERDICT_NEXT);
  check_in(a, "seen", "4\n");
  configuration_go_live(a);
  configuration_retire(&b);
  configuration_reap();
  close_worker(&f);
}

// The one before goes with the last snapshot that was built from it, and its functions with it, not earlier.
static void
an_old_one_ends_with_its_last_query(void **state)
{
  (void)state;
  struct fake_worker f;
  struct configuration *a = config(), *b = configuration_new(PHASE_LOADING);
  fake_worker_open(&f);
  fill(a, "one", 1, true);
  struct backend *backend = object_ref(a->pools.backends[0]);
  configuration_publish();
  struct snapshot *lease = snapshot_current();
  fill(b, "two", 2, false);
  struct configuration *old = configuration_go_live(b);
  configuration_publish();
  configuration_retire(&old);
  configuration_reap();
  assert_int_equal(run_rule(&f, lease->chains[CHAIN_QUERY]->rules[0]), VERDICT_NEXT);
  check_in(a, "seen", "1\n");
  assert_true(object_refs(backend) > 1);
  check_in(config(), "word", "two\n");
  object_unref(&lease);
  configuration_reap();
  assert_int_equal(object_refs(backend), 1);
  object_unref(&backend);
  close_worker(&f);
}

// What C keeps for later finds the state where it was made, or that it is gone.
static void
functions_outlive_their_home(void **state)
{
  (void)state;
  struct configuration *b = configuration_new(PHASE_LOADING);
  run_in(b, "addMaintenanceCallback(function() end)");
  struct script *s = object_ref(b->scripts->callbacks.lists[CALLBACK_MAINTENANCE].items[0]);
  assert_non_null(script_enter(s));
  assert_ptr_equal(config(), b);
  control_unlock();
  configuration_retire(&b);
  assert_null(script_enter(s));
  configuration_reap();
  assert_null(script_enter(s));
  object_unref(&s);
}

// Finalizers may call whatever there is.
static void
finalizers_run_in_a_whole_house(void **state)
{
  (void)state;
  struct configuration *b = configuration_new(PHASE_LOADING);
  run_in(b, "p = newproxy(true) getmetatable(p).__gc = function() addMaintenanceCallback(function() end) "
            "addAction(AllRule(), LuaAction(function(dq) return 0 end)) newServer('192.0.2.1') setServerPolicyLua('x', function() "
            "end) setQueryCountFilter(function() end) addDynamicBlock('192.0.2.1', 'x') showRules() delta() end");
  configuration_retire(&b);
  configuration_reap();
}

// A name that a script gives a built-in policy is no reason for the next file to fail.
static void
names_of_policies_stay_known(void **state)
{
  (void)state;
  run_in(config(), "leastOutstanding.name = 'mine'");
  struct configuration *b = configuration_new(PHASE_LOADING);
  run_in(b, "setServerPolicy(leastOutstanding)");
  check_in(b, "type(mine)", "nil\n");
  run_in(config(), "leastOutstanding.name = 'leastOutstanding'");
  configuration_retire(&b);
  configuration_reap();
}

// ---- at the same time ----

enum { ROUNDS = 60 };

static void *
live_and_let_live(void *arg)
{
  (void)arg;
  for (int i = 0; i < ROUNDS / 4; i++) {
    struct configuration *next = configuration_new(PHASE_LOADING);
    fill(next, "next", i + 1, i % 2 == 0);
    next->phase = PHASE_RUNNING;
    struct configuration *before = configuration_go_live(next);
    configuration_lock(next);
    configuration_publish();
    configuration_unlock();
    configuration_retire(&before);
    configuration_reap();
  }
  return NULL;
}

// As a console does it: whichever is live.
static void *
command(void *arg)
{
  struct text answer;
  bool effect;
  (void)arg;
  text_init(&answer);
  for (int i = 0; i < ROUNDS; i++) {
    text_clear(&answer);
    const char *words = "addAction(AllRule(), LuaAction(function(dq) return DNSAction.None end)) if word == 'next' then rmRule(0) end";
    if (!control_execute(words, strlen(words), &answer, &effect))
      fprintf(stderr, "%s\n", answer.data), abort();
    control_maintenance();
  }
  text_fini(&answer);
  return NULL;
}

// As a worker does it: what its snapshot says.
static void *
walk(void *arg)
{
  struct fake_worker *f = arg;
  for (int i = 0; i < 10 * ROUNDS; i++) {
    struct snapshot *lease = snapshot_current();
    for (uint32_t r = 0; r < lease->chains[CHAIN_QUERY]->count; r++)
      if (run_rule(f, lease->chains[CHAIN_QUERY]->rules[r]) != VERDICT_NEXT)
        abort();
    object_unref(&lease);
  }
  return NULL;
}

static void
they_come_and_go_under_everybody(void **state)
{
  (void)state;
  pthread_t threads[3];
  struct fake_worker f;
  fake_worker_open(&f);
  fill(config(), "first", 1, true);
  config()->phase = PHASE_RUNNING;
  configuration_publish();
  pthread_create(&threads[0], NULL, live_and_let_live, NULL);
  pthread_create(&threads[1], NULL, command, NULL);
  pthread_create(&threads[2], NULL, walk, &f);
  for (unsigned i = 0; i < 3; i++)
    pthread_join(threads[i], NULL);
  check_in(config(), "word", "next\n");
  struct snapshot *last = snapshot_current(); // what was delivered last is of the one that is live
  assert_ptr_equal(last->configuration, config());
  object_unref(&last);
  close_worker(&f);
}

int
main(void)
{
#define ROW(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      ROW(each_has_its_own),      ROW(a_file_that_fails_is_of_no_consequence), ROW(transactions_are_apart),
      ROW(functions_outlive_their_home), ROW(finalizers_run_in_a_whole_house), ROW(names_of_policies_stay_known),
      ROW(functions_run_at_home), ROW(an_old_one_ends_with_its_last_query),    ROW(they_come_and_go_under_everybody),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
