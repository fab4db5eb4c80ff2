// SPDX-License-Identifier: BSD-2-Clause
// Scripts that choose backends, and scripts that health checks ask.
#include "lua/front/hooks.h"
#include "dnsproxy/wire/codes.h"
#include "tests/fake_worker.h"
#include "tests/hex.h"
#include "tests/lua_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define QUERY "1234 0100 0001 0000 0000 0000 03'www'07'example'04'test'00 0001 0001"
#define ANSWER "1234 8180 0001 0000 0000 0000 01'a'00 0006 0001"

enum { SERVERS = 3 };

static struct fake_worker fake;
static struct pool *pool;

static struct backend *
make_backend(unsigned number)
{
  struct backend_options o;
  char text[32];
  backend_options_default(&o);
  snprintf(text, sizeof text, "192.0.2.%u:53", number);
  assert(address_parse(&o.address, text, 53, NULL));
  snprintf(o.name, sizeof o.name, "s%u", number);
  return backend_new(&o);
}

static struct pool *
make_pool(const char *name)
{
  struct pool *p = pool_new(name, SERVERS);
  for (unsigned i = 0; i < SERVERS; i++)
    p->backends[i] = make_backend(i + 1);
  p->count = SERVERS;
  p->policy = object_ref(policy_builtin("roundrobin"));
  return p;
}

struct choice {
  const char *body; // of function(servers, dq)
  enum policy_result result;
  unsigned server; // counted from 1
  unsigned errors;
};

static enum policy_result
choose(const struct pool *p, struct backend **chosen)
{
  struct query *q = fake_query(&fake, QUERY);
  struct policy_input input = {.pool = p, .query = q};
  struct policy *policy = config()->pools.default_policy;
  enum policy_result result = policy->choose(policy, &input, chosen);
  fake_query_free(&q);
  return result;
}

static void
set_policy(const char *body)
{
  char command[512];
  snprintf(command, sizeof command, "setServerPolicyLua('p', function(servers, dq) %s end)", body);
  lua_fixture_run(command);
}

static uint64_t
errors_counted(void)
{
  return atomic_load(&fake.worker->counters.counter[COUNTER_SCRIPT_ERRORS]);
}

static void
test_choices(void **state)
{
  (void)state;
  static const struct choice choices[] = {
      {"return 1", POLICY_CHOSEN, 1, 0},
      {"return #servers", POLICY_CHOSEN, 3, 0},
      {"return '2'", POLICY_CHOSEN, 2, 0},
      {"return 2.9", POLICY_CHOSEN, 2, 0},
      {"for i, s in ipairs(servers) do if s.name == 's2' then return i end end", POLICY_CHOSEN, 2, 0},
      {"return dq.qtype + 1", POLICY_CHOSEN, 2, 0},
      {"table.remove(servers, 1) return 1", POLICY_CHOSEN, 1, 0},
      {"assert(#servers == 3 and servers[1].name == 's1') servers[1] = nil return 1", POLICY_CHOSEN, 1, 0},
      {"assert(#servers == 3 and servers[1].name == 's1') return 1", POLICY_CHOSEN, 1, 0},
      {"servers[4] = servers[1] return 4", POLICY_NONE, 0, 0},
      {"assert(#servers == 3) return 3", POLICY_CHOSEN, 3, 0},
      {"return nil", POLICY_NONE, 0, 0},
      {"", POLICY_NONE, 0, 0},
      {"return 0", POLICY_NONE, 0, 0},
      {"return 4", POLICY_NONE, 0, 0},
      {"return -1", POLICY_NONE, 0, 0},
      {"return 1e300", POLICY_NONE, 0, 0},
      {"return 0/0", POLICY_NONE, 0, 0},
      {"return servers[1]", POLICY_CHOSEN, 1, 0},
      {"return dq", POLICY_ERROR, 0, 1},
      {"return true", POLICY_ERROR, 0, 1},
      {"return 'first'", POLICY_ERROR, 0, 1},
      {"error('boom')", POLICY_ERROR, 0, 1},
      {"return servers[9].name", POLICY_ERROR, 0, 1},
  };
  for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
    const struct choice *c = &choices[i];
    struct backend *chosen = NULL;
    uint64_t before = errors_counted();
    set_policy(c->body);
    enum policy_result result = choose(pool, &chosen);
    if (result != c->result || chosen != (c->server == 0 ? NULL : pool->backends[c->server - 1]))
      fail_msg("%s: %d", c->body, (int)result);
    assert_int_equal(errors_counted() - before, c->errors);
  }
}

// A pool that took the place of another one has its own servers in the table, however often pools come and go.
static void
test_pools_come_and_go(void **state)
{
  (void)state;
  set_policy("return servers[2].name == 's2' and #servers == 3 and 2 or 1");
  for (unsigned i = 0; i < 200; i++) {
    struct pool *p = make_pool("x");
    struct backend *chosen = NULL;
    assert_int_equal(choose(p, &chosen), POLICY_CHOSEN);
    assert_ptr_equal(chosen, p->backends[1]);
    object_unref(&p);
  }
}

static void
test_retired(void **state)
{
  (void)state;
  struct backend *chosen = NULL;
  set_policy("return 1");
  atomic_store(&pool->backends[0]->retired, true);
  assert_int_equal(choose(pool, &chosen), POLICY_NONE);
  atomic_store(&pool->backends[0]->retired, false);
}

// ---- health ----

static unsigned told;
static bool verdict;

static void
on_prepared(void *arg)
{
  assert_ptr_equal(arg, &told);
  told++;
}

static void
on_validated(void *arg, bool valid)
{
  assert_ptr_equal(arg, &told);
  told++;
  verdict = valid;
}

// The function of the global `f`, as an option of a backend.
static struct backend *
backend_with(const char *function, bool validator)
{
  lua_fixture_run(function);
  struct backend_options o;
  backend_options_default(&o);
  assert(address_parse(&o.address, "192.0.2.7:53", 53, NULL));
  lua_State *lua = control_lock();
  lua_getglobal(lua, "f");
  struct script *script = script_new(lua, -1);
  lua_pop(lua, 1);
  control_unlock();
  if (validator)
    o.check.validator = script;
  else
    o.check.function = script;
  struct backend *b = backend_new(&o);
  object_unref(&script);
  return b;
}

static struct health_query
check_of(const char *function)
{
  struct health_query query = {.type = 1, .class = 1, .flags = {FLAG2_RD, 0}};
  assert(name_from_text(&query.name, "a.root.", 7, NULL));
  struct backend *b = backend_with(function, false);
  unsigned before = told;
  lua_health_hooks()->prepare(b, &query, on_prepared, &told);
  assert_int_equal(told, before + 1);
  object_unref(&b);
  return query;
}

static void
test_check_function(void **state)
{
  (void)state;
  char name[NAME_TEXT_SIZE];
  struct health_query q = check_of("f = function(qname, qtype, qclass, dh) assert(qname:toString() == 'a.root.' and "
                                   "qtype == 1 and qclass == 1 and dh:getRD()) dh:setCD(true) dh:setRD(false) "
                                   "return newDNSName('b.test'), 28, 3 end");
  assert_string_equal(name_text(&q.name, name), "b.test.");
  assert_int_equal(q.type, 28);
  assert_int_equal(q.class, 3);
  assert_int_equal(q.flags[0], 0);
  assert_int_equal(q.flags[1], FLAG3_CD);
  // Failures leave the check as it is.
  static const char *const bad[] = {"f = function() error('boom') end", "f = function() return 1, {} end",
                                    "f = function(n, t, c, dh) dh:setCD(true) return n, t end"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    q = check_of(bad[i]);
    assert_string_equal(name_text(&q.name, name), "a.root.");
    assert_int_equal(q.flags[1], 0);
  }
}

static bool
validated(const char *function)
{
  size_t size;
  uint8_t *answer = hex_bytes(ANSWER, &size);
  struct backend *b = backend_with(function, true);
  unsigned before = told;
  lua_health_hooks()->validate(b, answer, size, on_validated, &told);
  assert_int_equal(told, before + 1);
  object_unref(&b);
  free(answer);
  return verdict;
}

static void
test_validator(void **state)
{
  (void)state;
  assert_true(validated("f = function(dr) return dr.rcode == 0 and dr.qtype == 6 and dr.qname:toString() == 'a.' end"));
  assert_false(validated("f = function(dr) return false end"));
  assert_false(validated("f = function(dr) return 1 end"));
  assert_false(validated("f = function(dr) error('boom') end"));
  // Nothing that needs a query on its walk.
  assert_false(validated("f = function(dr) dr:setTag('a', 'b') return true end"));
  assert_true(validated("f = function(dr) return not pcall(function() dr.len = 5000 end) and dr:getTag('a') == '' end"));
}

static void
test_state_changes(void **state)
{
  (void)state;
  lua_fixture_run("heard = '' addServerStateChangeCallback(function() error('boom') end) "
                  "addServerStateChangeCallback(function(name, up) heard = heard .. name .. tostring(up) end)");
  lua_health_hooks()->changed(pool->backends[0], true);
  lua_health_hooks()->changed(pool->backends[0], false);
  lua_fixture_run("assert(heard == 's1 (192.0.2.1:53)trues1 (192.0.2.1:53)false')");
}

// ---- jobs between threads: posted work is run by hand here ----

static unsigned control_posts, keeper_posts;
static void (*control_run)(void *), (*keeper_run)(void *);

static void
post_control(void (*run)(void *), void *arg)
{
  assert_null(arg);
  control_run = run;
  control_posts++;
}

static void
post_keeper(void (*run)(void *), void *arg)
{
  assert_null(arg);
  keeper_run = run;
  keeper_posts++;
}

static void
test_posted(void **state)
{
  (void)state;
  struct backend *b = backend_with("f = function(n, t, c) return n, 16, c end", false);
  struct health_query query = {.type = 1, .class = 1, .name = {.size = 1}};
  unsigned before = told;
  lua_hooks_set_post(post_control, post_keeper);
  lua_health_hooks()->prepare(b, &query, on_prepared, &told);
  assert_int_equal(control_posts, 1);
  assert_int_equal(query.type, 1);
  control_run(NULL);
  assert_int_equal(query.type, 16);
  assert_int_equal(keeper_posts, 1);
  assert_int_equal(told, before); // the keeper has not heard yet
  keeper_run(NULL);
  assert_int_equal(told, before + 1);
  // What is under way when everything ends is answered all the same.
  lua_health_hooks()->prepare(b, &query, on_prepared, &told);
  lua_health_hooks()->changed(b, true);
  lua_hooks_close();
  assert_int_equal(told, before + 2);
  object_unref(&b);
}

static int
open_all(void **state)
{
  (void)state;
  fake_worker_open(&fake);
  lua_fixture_open();
  pool = make_pool("");
  return 0;
}

static int
close_all(void **state)
{
  (void)state;
  object_unref(&pool);
  lua_fixture_close();
  fake_worker_close(&fake);
  return 0;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_choices),   cmocka_unit_test(test_pools_come_and_go),
      cmocka_unit_test(test_retired),   cmocka_unit_test(test_check_function),
      cmocka_unit_test(test_validator), cmocka_unit_test(test_state_changes),
      cmocka_unit_test(test_posted),
  };
  return cmocka_run_group_tests(tests, open_all, close_all);
}
