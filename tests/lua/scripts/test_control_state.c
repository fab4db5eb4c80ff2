// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the shared Lua state: console commands and their answers (cli.md section 6), errors in the
// configuration file, publishing of what was edited, delta(), and functions that C keeps.
#include "tests/configuration_fixture.h"
#include "lua/binder/binder.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/thread_state.h"

#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int
set_up(void **state)
{
  (void)state;
  scripts_open();
  configuration_fixture_open(PHASE_RUNNING);
  configuration_publish();
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
execute(const char *command, struct text *answer)
{
  bool effect;
  text_clear(answer);
  return control_execute(command, strlen(command), answer, &effect);
}

struct row {
  const char *command, *answer;
};

static void
check(const struct row *row, bool fails, bool prefix)
{
  struct text answer;
  text_init(&answer);
  bool good = execute(row->command, &answer);
  size_t size = prefix ? strlen(row->answer) : answer.size + 1;
  if (good == fails || strncmp(answer.data, row->answer, size) != 0)
    fail_msg("%s\n  %s: %s\n  wanted: %s", row->command, good ? "answered" : "failed", answer.data, row->answer);
  text_fini(&answer);
}

static void
test_answers(void **state)
{
  static const struct row rows[] = {
      {"nil", ""},
      {"x = 5", ""},
      {"x", "5\n"},
      {"'a' .. 'b'", "ab\n"},
      {"''", "\n"},
      {"1e20", "1e+20\n"},
      {"1e14", "1e+14\n"},
      {"-0", "-0\n"},
      {"1/3", "0.33333333333333\n"},
      {"return 1, 2", "1\n"},
      {"nil, 2", ""},
      {"show('shown')", "shown\n"},
      {"show('lost') return 7", "7\n"},
      {"{}", "{}\n"},
      {"{1, 2}", "{\"1\": 1, \"2\": 2}\n"},
      {"{b=1.5, a='3'}", "{\"a\": 3, \"b\": 1.5}\n"},
      {"{['q\"']=1}", "{\"q\\\"\": 1}\n"},
      {"local a = 1 ; return a + 1", "2\n"},
      {"true", "Command returned an object we can't print: "},
      {"{a='x'}", "Command returned an object we can't print: "},
      {"{{}}", "Command returned an object we can't print: "},
      {"AllRule()", "Command returned an object we can't print: "},
      {"newServer{address='192.0.2.1', name='east'}", "east\n"},
      {"newServer('192.0.2.2')", "\n"},
      {"getServer(0)", "east\n"},
      {"getServer('1')", "\n"},
      {"getServer(2)", "Error: trying to retrieve server 2 while there is only 2servers\n"},
      {"getServer(-1)", "Error: trying to retrieve server 4294967295 while there is only 2servers\n"},
      {"rmRule(3)", "Error: attempt to delete non-existing rule\n"},
      {"rmRule('x')", "Error: no rule matched\n"},
      {"mvRule(0, 9)", "Error: attempt to move rules from/to invalid index\n"},
      {"addLocal('192.0.2.3')", "addLocal cannot be used at runtime!\n"},
      {"showServerPolicy()", "leastOutstanding\n"},
      {"roundrobin.name = 'turns' setServerPolicy(roundrobin) showServerPolicy()", "turns\n"},
      {"roundrobin.name = 'roundrobin'", ""},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check(&rows[i], false, strncmp(rows[i].answer, "Command", 7) == 0);
}

// Whole answers where no address of a function is in them, beginnings elsewhere.
static void
test_errors(void **state)
{
  static const struct row whole[] = {
      {"x x", "Error: [string \"x x\"]:1: '=' expected near 'x': "},
      {"nofn()", "Error: [string \"return nofn()\"]:1: attempt to call global 'nofn' (a nil value)\n"
                 "stack traceback:\n\t[string \"return nofn()\"]:1: in main chunk"},
      {"getServer(0).foo = 1", "Error: Unknown Lua error"},
  };
  static const struct row beginnings[] = {
      {"newDNSName()", "Error: This function requires at least 1 parameter(s)\nstack traceback:\n"},
      {"AllRule(1)", "Error: This function requires at most 0 parameter(s)\nstack traceback:\n"},
      {"newDNSName('a..b')",
       "Error: Caught exception: Found . in wrong position in DNSName: a\\.\\.b\nstack traceback:\n"},
      {"tostring(newDNSName('a..b'))", "Error: [string \"return tostring(newDNSName('a..b'))\"]:1: Caught exception: "
                                       "Found . in wrong position in DNSName: a\\.\\.b\n"},
      {"newCA('x')", "Error: Exception thrown by a callback function called by Lua. \nstack traceback:\n"},
      {"error({})", "Error: Trying to cast a lua variable from \"table\" to \"string\"\n"},
      {"error('x')", "Error: x\nstack traceback:\n"},
      {"show('lost') error('x')", "Error: [string \"show('lost') error('x')\"]:1: x\nstack traceback:\n"},
  };
  (void)state;
  check(&(struct row){"newServer('192.0.2.1')", "\n"}, false, false);
  for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
    check(&whole[i], true, false);
  for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
    check(&beginnings[i], true, true);
}

// The cause of an address error comes last, without a newline behind.
static void
test_address_error_ends_with_cause(void **state)
{
  static const char cause[] = ": Unable to convert 'bad' to a netmask";
  struct text answer;
  (void)state;
  text_init(&answer);
  assert_false(execute("addACL('bad')", &answer));
  assert_true(answer.size > strlen(cause));
  assert_string_equal(answer.data + answer.size - strlen(cause), cause);
  text_fini(&answer);
}

static void
test_errors_without_debug_library(void **state)
{
  (void)state;
  check(&(struct row){"debug = nil", ""}, false, false);
  check(&(struct row){"nofn()",
                      "Error: [string \"return nofn()\"]:1: attempt to call global 'nofn' (a nil value)\nstack"},
        true, true);
}

// ---- delta ----

static void
test_delta(void **state)
{
  struct text answer;
  (void)state;
  text_init(&answer);
  execute("clearConsoleHistory()", &answer);
  execute("addACL('192.0.2.0/24')", &answer);
  execute("showACL()", &answer);            // declared free of side effects
  execute("addACL('nonsense')", &answer);   // failed
  execute("AllRule()", &answer);            // cannot be printed
  execute("getServers()[1] = nil", &answer);
  execute("delta()", &answer);
  assert_non_null(strstr(answer.data, "\naddACL('192.0.2.0/24')\n-- "));
  assert_non_null(strstr(answer.data, "\ngetServers()[1] = nil\n"));
  assert_null(strstr(answer.data, "showACL"));
  assert_null(strstr(answer.data, "nonsense"));
  assert_null(strstr(answer.data, "AllRule"));
  assert_memory_equal(answer.data, "-- ", 3);
  execute("clearConsoleHistory()", &answer);
  execute("delta()", &answer);
  assert_string_equal(answer.data, "");
  text_fini(&answer);
}

// ---- publishing ----

static uint64_t
generation(void)
{
  struct snapshot *s = snapshot_current();
  uint64_t number = s->generation;
  object_unref(&s);
  return number;
}

static uint32_t
published_rules(void)
{
  struct snapshot *s = snapshot_current();
  uint32_t count = s->chains[CHAIN_QUERY]->count;
  object_unref(&s);
  return count;
}

static void
test_publish_once_per_command(void **state)
{
  struct text answer;
  uint64_t before = generation();
  (void)state;
  text_init(&answer);
  assert_true(execute("showRules()", &answer));
  assert_true(execute("x = 1", &answer));
  assert_int_equal(generation(), before);
  assert_true(execute("for i = 1, 5 do addAction(AllRule(), NoneAction()) end setECSOverride(true)", &answer));
  assert_int_equal(generation(), before + 1);
  assert_int_equal(published_rules(), 5);
  // What a command did before it failed is taken back.
  assert_false(execute("clearRules() error('x')", &answer));
  assert_int_equal(published_rules(), 5);
  assert_true(execute("clearRules()", &answer));
  assert_int_equal(published_rules(), 0);
  text_fini(&answer);
}

static void
test_publish_at_outermost_unlock(void **state)
{
  struct text answer;
  uint64_t before = generation();
  (void)state;
  text_init(&answer);
  control_lock();
  assert_true(execute("addAction(AllRule(), NoneAction())", &answer));
  assert_int_equal(generation(), before);
  control_unlock();
  assert_int_equal(generation(), before + 1);
  text_fini(&answer);
}

// ---- the configuration file ----

static bool
load(const char *content, struct fault *fault, struct text *detail)
{
  char path[] = "/tmp/test_control_state.XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
  close(fd);
  text_clear(detail);
  *fault = (struct fault)FAULT_INIT;
  bool good = control_load_file(path, fault, detail);
  unlink(path);
  return good;
}

static void
test_file(void **state)
{
  struct fault fault;
  struct text detail;
  (void)state;
  text_init(&detail);
  config()->phase = PHASE_CHECK;
  assert_true(load("setACL('192.0.2.0/24')\nlocal x = AllRule()\n", &fault, &detail));
  assert_false(load("x x", &fault, &detail));
  assert_int_equal(fault.kind, FAULT_PLAIN);
  assert_non_null(strstr(fault.text, ":1: '=' expected near 'x'"));
  assert_false(load("\nnofn()", &fault, &detail));
  assert_int_equal(fault.kind, FAULT_CAUGHT);
  assert_non_null(strstr(fault.text, ":2: attempt to call global 'nofn' (a nil value)\nstack traceback:\n\t"));
  assert_string_equal(detail.data, "");
  assert_false(load("addACL('bad')", &fault, &detail));
  assert_int_equal(fault.kind, FAULT_CAUGHT);
  assert_ptr_equal(strstr(fault.text, "Exception thrown by a callback function called by Lua. \nstack traceback:\n"),
                   fault.text);
  assert_string_equal(detail.data, "Unable to convert 'bad' to a netmask");
  assert_false(control_load_file("/nonexistent/file", &fault, &detail));
  assert_string_equal(fault.text, "Unable to read configuration from '/nonexistent/file': No such file or directory");
  text_fini(&detail);
}

// Configuration-only functions work while the file is read.
static void
test_phases(void **state)
{
  struct fault fault;
  struct text detail;
  (void)state;
  text_init(&detail);
  config()->phase = PHASE_CHECK;
  assert_true(
      load("assert(inConfigCheck() and not inClientStartup()) setLocal('192.0.2.1') assert(getBindCount() == 2)\n"
           "addLocal('192.0.2.2:5300') assert(getBindCount() == 4 and tostring(getBind(3)) == '192.0.2.2:5300')\n"
           "setLocal('[2001:db8::1]:5301') assert(getBindCount() == 2 and getBind(0):getType() == 'UDP')",
           &fault, &detail));
  config()->phase = PHASE_CLIENT;
  assert_true(load("assert(inClientStartup()) assert(getServer(5):getName() == '') shutdown()", &fault, &detail));
  text_fini(&detail);
}

// ---- functions kept by C ----

static void
test_scripts_are_forgotten(void **state)
{
  (void)state;
  lua_State *lua = control_lock();
  assert_int_equal(
      luaL_dostring(lua, "kept = setmetatable({}, {__mode='k'}) local f = function() end kept[f] = true return f"), 0);
  struct script *script = script_new(lua, -1);
  lua_pop(lua, 1);
  control_unlock();
  lua = control_lock();
  assert_int_equal(luaL_dostring(lua, "collectgarbage() collectgarbage() return next(kept) ~= nil"), 0);
  assert_true(lua_toboolean(lua, -1));
  lua_pop(lua, 1);
  assert_non_null(strstr(script_where(script), ":1"));
  control_unlock();
  object_unref(&script); // without the lock: the state learns of it the next time
  lua = control_lock();
  assert_int_equal(luaL_dostring(lua, "collectgarbage() collectgarbage() return next(kept) == nil"), 0);
  assert_true(lua_toboolean(lua, -1));
  lua_pop(lua, 1);
  control_unlock();
}

static void
test_callbacks(void **state)
{
  struct text answer;
  (void)state;
  text_init(&answer);
  assert_true(execute("n = 0 function maintenance() n = n + 1 show('unheard') end "
                      "addMaintenanceCallback(function() n = n + 10 end) addExitCallback(function() n = n + 100 end)",
                      &answer));
  control_maintenance();
  control_maintenance();
  check(&(struct row){"n", "22\n"}, false, false);
  // One that fails does not keep the others from their turn.
  assert_true(execute("function maintenance() error('x') end", &answer));
  control_maintenance();
  control_exit_callbacks();
  check(&(struct row){"n", "132\n"}, false, false);
  text_fini(&answer);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_answers),
      TEST(test_errors),
      TEST(test_address_error_ends_with_cause),
      TEST(test_errors_without_debug_library),
      TEST(test_delta),
      TEST(test_publish_once_per_command),
      TEST(test_publish_at_outermost_unlock),
      TEST(test_file),
      TEST(test_phases),
      TEST(test_scripts_are_forgotten),
      TEST(test_callbacks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
