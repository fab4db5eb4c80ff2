// SPDX-License-Identifier: BSD-2-Clause
// For tests of scripts: the shared state without a configuration, and rules made by commands as a console sends them.
#ifndef DNSPROXY_TESTS_LUA_FIXTURE_H
#define DNSPROXY_TESTS_LUA_FIXTURE_H

#include "dnsproxy/config/draft.h"
#include "lua/scripts/control_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static inline void
lua_fixture_open(void)
{
  draft_init();
  draft.phase = PHASE_LOADING; // nothing is published
  control_state_open();
}

static inline void
lua_fixture_close(void)
{
  draft_fini();
  control_state_close();
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
  rule_list_clear(&draft.chains[chain]);
  lua_fixture_run(command);
  assert(draft.chains[chain].count == 1);
  return draft.chains[chain].rules[0];
}

#endif
