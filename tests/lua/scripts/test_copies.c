// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of lua/scripts/copies: what makes functions be looked at again, and what does not; and that whatever a command or
// maintenance() writes is in the image when the lock is given up.
#include "tests/configuration_fixture.h"
#include "lua/binder/errors.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/copies.h"
#include "lua/scripts/script_host.h"
#include "lua/scripts/scripts.h"
#include "lua/scripts/thread_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FUNCTIONS = 20 };

static void
execute(const char *command)
{
  struct text answer;
  bool effect;
  text_init(&answer);
  if (!control_execute(command, strlen(command), &answer, &effect))
    fail_msg("%s: %s", command, answer.data);
  text_fini(&answer);
}

static int
set_up(void **state)
{
  (void)state;
  scripts_open();
  configuration_fixture_open(PHASE_RUNNING);
  configuration_publish();
  execute("known, deep, other = {}, {a={b={}}}, 0 for i = 1, 1000 do known['k' .. i] = {i} end "
          "choose = function() return 1 end "
          "for i = 1, 20 do addAction('n' .. i .. '.test', LuaAction(function(dq) "
          "if known[dq.qname:toString()] then return DNSAction.Drop end return DNSAction.None end)) end "
          "addAction('deep.test', LuaAction(function(dq) return deep.a.b.c or 0 end)) "
          "addAction('calls.test', LuaAction(function(dq) return choose() end))");
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  execute("clearRules()");
  thread_state_end();
  configuration_fixture_close();
  return 0;
}

// Functions of queries that were looked at by all that; a command looks at its own text, too.
static uint64_t
looks(const char *command)
{
  uint64_t before = copies_looks();
  if (command != NULL)
    execute(command);
  else
    control_maintenance();
  return copies_looks() - before;
}

static struct script *wanted;

static void
commands_that_write_nothing_look_at_nothing(void **state)
{
  (void)state;
  assert_true(looks("showRules()") <= 1);
  assert_true(looks("return #known") <= 1);
  assert_true(looks("for i = 1, 3 do addAction('x.test', DropAction()) end rmRule(0) other = other + 1") <= 1);
  assert_true(looks("local t = {} t.x = 1 t = getServers()") <= 1);
  assert_true(looks("addAction('new.test', LuaAction(function(dq) return 0 end))") <= 2); // the new one
}

static void
only_readers_are_looked_at_again(void **state)
{
  (void)state;
  assert_true(looks("known.k1 = nil") >= FUNCTIONS);
  uint64_t few = looks("deep.a = {b={}}");
  assert_true(few >= 1 && few < FUNCTIONS);
  few = looks("choose = function() return 2 end");
  assert_true(few >= 1 && few < FUNCTIONS);
  // Far below what a function names.
  assert_true(looks("local t = deep.a.b t.c = 5") >= 1);
  // What cannot be told.
  assert_true(looks("loadstring('known.k2 = 1')()") >= FUNCTIONS);
  assert_true(looks("rawset(known, 'x', 1)") >= FUNCTIONS);
  assert_true(looks("for _, f in ipairs({function(t) t.y = 1 end}) do f(known) end") >= FUNCTIONS);
  assert_true(looks("local t = setmetatable({}, {__index = function() known.z = 1 end}) return t.x") >= FUNCTIONS);
  // A function that changes what it calls.
  execute("function later() end function tick() later = function() known.q = 1 end later() end");
  assert_true(looks("tick()") >= FUNCTIONS);
}

static void
maintenance_is_looked_at_once(void **state)
{
  (void)state;
  execute("runs = 0 function maintenance() runs = runs + 1 end addMaintenanceCallback(function() local x = #known end)");
  looks(NULL);
  for (int i = 0; i < 5; i++)
    assert_int_equal(looks(NULL), 0);
  execute("if runs ~= 6 then error('runs') end");
  execute("function maintenance() known.now = (known.now or 0) + 1 end");
  looks(NULL);
  assert_true(looks(NULL) >= FUNCTIONS);
  // Another function under a name that it calls.
  execute("function helper() end function maintenance() helper() end");
  looks(NULL);
  looks(NULL); // the maintenance() before is forgotten now
  assert_int_equal(looks(NULL), 0);
  execute("function helper() known.x = 1 end");
  assert_true(looks(NULL) >= FUNCTIONS);
  execute("maintenance = nil");
  looks(NULL);
  assert_int_equal(looks(NULL), 0);
}

// What a worker gets: the copy, called in the state of this thread, gives a number.
static int
calls_copy(void)
{
  struct script_host *host = thread_host();
  int got = -1;
  if (copies_push(host->lua, &host->copies, wanted) && lua_pcall(host->lua, 0, 1, 0) == 0)
    got = (int)lua_tointeger(host->lua, -1);
  lua_settop(host->lua, 0);
  return got;
}

static void
find_newest(struct script *s, void *arg)
{
  (void)arg;
  if (wanted == NULL && s->user != NULL)
    wanted = s; // the list begins with the newest
}

static void
a_copy_is_renewed_before_the_answer(void **state)
{
  (void)state;
  wanted = NULL;
  execute("addAction('mine.test', LuaAction(function() return deep.a.b.c end))");
  scripts_each(control_scripts()->list, find_newest, NULL);
  assert_non_null(wanted);
  for (int i = 1; i < 4; i++) {
    char command[64];
    snprintf(command, sizeof command, "deep.a.b.c = %d", i);
    execute(command);
    assert_int_equal(calls_copy(), i);
    snprintf(command, sizeof command, "local x = deep.a x.b = {c = %d}", 10 * i);
    execute(command);
    assert_int_equal(calls_copy(), 10 * i);
  }
  execute("function maintenance() deep.a.b.c = deep.a.b.c + 1 end");
  control_maintenance();
  control_maintenance();
  assert_int_equal(calls_copy(), 32);
  execute("maintenance = nil addMaintenanceCallback(function() deep.a = {b={c=7}} end)");
  control_maintenance();
  assert_int_equal(calls_copy(), 7);
}

// ---- no memory ----

// Lua's memory, of which it gets no more after so many times.
struct scarce {
  lua_Alloc alloc;
  void *arg;
  int left; // -1: there is enough
};

static void *
scarce_alloc(void *arg, void *block, size_t old, size_t size)
{
  struct scarce *s = arg;
  if (s->left >= 0 && size > (block == NULL ? 0 : old) && s->left-- == 0) {
    s->left = 0;
    return NULL;
  }
  return s->alloc(s->arg, block, old, size);
}

static void
will_run(lua_State *lua, void *script)
{
  if (script != NULL) {
    copies_will_run_script(lua, script);
    return;
  }
  lua_getglobal(lua, "counts");
  copies_will_run(lua, -1);
}

static void
find(lua_State *lua, void *arg)
{
  (void)arg;
  struct purity found;
  lua_getglobal(lua, "counts");
  purity_find(lua, -1, &found);
  purity_fini(&found);
}

// Without memory after `times`; true: that was enough.
static bool
scarcely(lua_State *lua, int times, void (*step)(lua_State *, void *), void *arg)
{
  struct scarce scarce = {.left = times};
  struct text why;
  text_init(&why);
  scarce.alloc = lua_getallocf(lua, &scarce.arg);
  lua_gc(lua, LUA_GCSTOP, 0);
  lua_setallocf(lua, scarce_alloc, &scarce);
  errors_protect(lua, step, arg, &why);
  lua_setallocf(lua, scarce.alloc, scarce.arg);
  lua_gc(lua, LUA_GCRESTART, 0);
  text_fini(&why);
  return scarce.left > 0;
}

// Wherever a look ends for want of memory: the next sees what is there then, in this state or another.
static void
scarcely_and_well(void (*step)(lua_State *, void *), void *arg)
{
  bool enough = false;
  for (int times = 0; times < 200 && !enough; times++) {
    char command[128];
    lua_State *lua = control_lock();
    enough = scarcely(lua, times, step, arg);
    control_unlock();
    // Only what is found within `deep` says that it matters.
    snprintf(command, sizeof command, "deep.a = {b={c=%d}} deep.a.b = {c=deep.a.b.c}", times);
    execute(command);
    assert_int_equal(calls_copy(), times);
    execute("local x = deep.a.b x.c = -1");
    assert_int_equal(calls_copy(), -1);
  }
  assert_true(enough);
}

static void
a_look_without_memory_leaves_nothing(void **state)
{
  (void)state;
  wanted = NULL;
  execute("counted = 0 counts = function() counted = counted + 1 end counts() "
          "addAction('mine.test', LuaAction(function() return deep.a.b.c end))");
  scripts_each(control_scripts()->list, find_newest, NULL);
  lua_State *lua = control_lock();
  lua_getglobal(lua, "counts");
  struct script *script = script_new(lua, lua_gettop(lua));
  lua_pop(lua, 1);
  control_unlock();
  scarcely_and_well(will_run, NULL);
  scarcely_and_well(will_run, script);
  scarcely_and_well(find, NULL);
  lua = control_lock();
  object_unref(&script);
  control_unlock();
}

// On a worker nobody catches an error: one would end the process. It may have written anything.
static void
a_script_without_memory_is_run_all_the_same(void **state)
{
  (void)state;
  struct scarce scarce = {.left = 0};
  lua_State *lua = control_lock();
  lua_getglobal(lua, "choose");
  struct script *script = script_new(lua, lua_gettop(lua));
  lua_pop(lua, 1);
  scarce.alloc = lua_getallocf(lua, &scarce.arg);
  lua_setallocf(lua, scarce_alloc, &scarce);
  copies_will_run_script(lua, script);
  lua_setallocf(lua, scarce.alloc, scarce.arg);
  object_unref(&script);
  uint64_t before = copies_looks();
  control_unlock();
  assert_true(copies_looks() - before >= FUNCTIONS);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(commands_that_write_nothing_look_at_nothing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(only_readers_are_looked_at_again, set_up, tear_down),
      cmocka_unit_test_setup_teardown(maintenance_is_looked_at_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_copy_is_renewed_before_the_answer, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_look_without_memory_leaves_nothing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_script_without_memory_is_run_all_the_same, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
