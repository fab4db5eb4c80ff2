// SPDX-License-Identifier: BSD-2-Clause
// Scripts called by several workers at once, while the console edits and drops rules: for the thread sanitizer.
#include "tests/fake_worker.h"
#include "tests/lua_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define QUERY "1234 0100 0001 0000 0000 0000 03'www'07'example'04'test'00 0001 0001"
#define ANSWER "1234 8180 0001 0001 0000 0000 03'www'07'example'04'test'00 0001 0001 c00c 0001 0001 0000012c 0004 c0000201"

enum { WORKERS = 2, ROUNDS = 500, EDITS = 200 };

static struct rule *query_rule, *failing_rule, *response_rule;

static struct rule *
keep_rule(enum chain_id chain, const char *command)
{
  return object_ref(lua_fixture_rule(chain, command));
}

static void
walk(struct fake_worker *f)
{
  struct query *q = fake_query(f, QUERY);
  assert(selector_match(query_rule->selector, q));
  assert(query_rule->action->kind->run(query_rule->action, q) == VERDICT_STOP);
  fake_query_free(&q);
  q = fake_query(f, QUERY);
  assert(failing_rule->action->kind->run(failing_rule->action, q) == VERDICT_STOP);
  fake_query_free(&q);
  q = fake_query(f, ANSWER);
  assert(response_rule->action->kind->run(response_rule->action, q) == VERDICT_NEXT);
  assert(strcmp(query_tag_get(q, "n")->value, "1") == 0);
  fake_query_free(&q);
}

static void *
work(void *arg)
{
  for (unsigned i = 0; i < ROUNDS; i++)
    walk(arg);
  return NULL;
}

// Rules come and go, and with them functions, whose last references workers or the console drop.
static void *
edit(void *arg)
{
  (void)arg;
  for (unsigned i = 0; i < EDITS; i++) {
    lua_fixture_run("clearRules() addAction(LuaRule(function(dq) return true end), LuaAction(function(dq) return 4 end))");
    lua_fixture_run("collectgarbage('step')");
  }
  return NULL;
}

static void
test_threads(void **state)
{
  (void)state;
  struct fake_worker fakes[WORKERS];
  pthread_t threads[WORKERS], editor;
  lua_fixture_open();
  for (unsigned i = 0; i < WORKERS; i++)
    fake_worker_open(&fakes[i]);
  lua_fixture_run("calls = 0");
  query_rule = keep_rule(CHAIN_QUERY, "addAction(LuaRule(function(dq) return dq.qtype == 1 end), "
                                      "LuaAction(function(dq) calls = calls + 1 kept = dq.qname "
                                      "dq:setTag('x', dq.remoteaddr:toString()) return DNSAction.Allow end))");
  failing_rule = keep_rule(CHAIN_QUERY, "addAction(AllRule(), LuaAction(function(dq) error('on purpose') end))");
  response_rule = keep_rule(CHAIN_RESPONSE, "addResponseAction(AllRule(), LuaResponseAction(function(dr) "
                                            "local n = 0 dr:editTTLs(function() n = n + 1 return 0 end) "
                                            "dr:setTag('n', n) return DNSResponseAction.None end))");
  for (unsigned i = 0; i < WORKERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, work, &fakes[i]), 0);
  assert_int_equal(pthread_create(&editor, NULL, edit, NULL), 0);
  for (unsigned i = 0; i < WORKERS; i++)
    pthread_join(threads[i], NULL);
  pthread_join(editor, NULL);
  char expected[64];
  snprintf(expected, sizeof expected, "assert(calls == %d)", WORKERS * ROUNDS);
  lua_fixture_run(expected);
  for (unsigned i = 0; i < WORKERS; i++)
    assert_int_equal(atomic_load(&fakes[i].worker->counters.counter[COUNTER_SCRIPT_ERRORS]), ROUNDS);
  object_unref(&query_rule);
  object_unref(&failing_rule);
  object_unref(&response_rule);
  lua_fixture_close();
  for (unsigned i = 0; i < WORKERS; i++)
    fake_worker_close(&fakes[i]);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
