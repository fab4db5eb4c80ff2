// SPDX-License-Identifier: BSD-2-Clause
// What happens when a part is asked for that does not exist yet.
#include "lua/kinds/waiting.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
waiting_tell(struct call *c, const char *what, const char *part)
{
  char place[PLACE_TEXT_SIZE], sentence[PLACE_TEXT_SIZE + 256];
  if (config()->phase == PHASE_CLIENT)
    return;
  snprintf(sentence, sizeof sentence, "%s (%s) %s: this version of dnsproxy has no %s", c->function->name,
           load_place(c->lua, place), what, part);
  if (config()->phase == PHASE_RUNNING)
    text_printf(binder_output(), "%s\n", sentence);
  if (binder_is_news(c->lua, sentence))
    log_warning("config", "%s", sentence);
}

void
waiting_tell_option(const struct call *c, const char *key, const struct value *v, const char *why)
{
  char sentence[512];
  if (!v->given || config()->phase == PHASE_CLIENT)
    return;
  snprintf(sentence, sizeof sentence, "%s: the option %s has no effect: %s", c->function->name, key, why);
  if (binder_is_news(c->lua, sentence))
    log_info("config", "%s", sentence);
}

int
waiting_call(struct call *c)
{
  const struct waiting *w = c->function->data;
  if (w->check != NULL && !w->check(c))
    return -1;
  if (w->table != NULL) {
    text_puts(binder_output(), w->table);
    return 0;
  }
  waiting_tell(c, "has no effect", w->part);
  switch (w->answer) {
  case ANSWER_ZERO:
    lua_pushinteger(c->lua, 0);
    return 1;
  case ANSWER_EMPTY_TEXT:
    lua_pushliteral(c->lua, "");
    return 1;
  case ANSWER_OBJECT:
    binder_push_object(c->lua, call_own(c, described_new(w->object, memory_string(""))));
    return 1;
  default:
    return 0;
  }
}

int
waiting_method(struct call *c)
{
  (void)c;
  return 0;
}
