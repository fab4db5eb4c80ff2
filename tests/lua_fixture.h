// SPDX-License-Identifier: BSD-2-Clause
// For tests of scripts: the shared state without a configuration, and rules made by commands as a console sends them.
#ifndef DNSPROXY_TESTS_LUA_FIXTURE_H
#define DNSPROXY_TESTS_LUA_FIXTURE_H

#include "tests/configuration_fixture.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/thread_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static inline void
lua_fixture_open(void)
{
  scripts_open();
  configuration_fixture_open(PHASE_LOADING); // nothing is published
}

static inline void
lua_fixture_close(void)
{
  thread_state_end(); // of this thread: what it copied
  configuration_fixture_close();
}

// A command that must succeed.
static inline void
lua_fixture_run(const char *command)
{
  struct text answer;
  bool effect;
  text_init(&answer);
  control_lock();
  bool good = control_execute(command, strlen(command), &answer, &effect);
  if (!good)
    fprintf(stderr, "%s\n-> %s\n", command, answer.data);
  assert(good);
  control_unlock();
  text_fini(&answer);
}

// The first rule of a chain that a command leaves it with.
static inline struct rule *
lua_fixture_rule(enum chain_id chain, const char *command)
{
  rule_list_clear(&config()->chains[chain]);
  lua_fixture_run(command);
  assert(config()->chains[chain].count == 1);
  return config()->chains[chain].rules[0];
}

#endif
