// SPDX-License-Identifier: BSD-2-Clause
// Telling of functions that failed for a query.
#include "lua/script_call.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/wire/codes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { INTERVAL_US = 1000000 };

static const char *const messages[SCRIPT_USERS] = {
    [SCRIPT_RULE] = "LuaRule failed inside Lua",
    [SCRIPT_ACTION] = "LuaAction failed inside Lua, returning ServFail",
    [SCRIPT_RESPONSE_ACTION] = "LuaResponseAction failed inside Lua, returning ServFail",
    [SCRIPT_POLICY] = "Lua policy failed inside Lua, the query is dropped",
};

// Under the Lua lock.
static struct {
  uint64_t next_us, suppressed;
} limits[SCRIPT_USERS];

// One line of what Lua wrote on several.
static void
add_flat(struct text *out, const char *words)
{
  for (; *words != '\0'; words++)
    if (*words == '\n')
      text_puts(out, " ");
    else if (*words != '\t')
      text_add(out, words, 1);
}

static void
write_line(enum script_user user, const char *error, const struct script *script, const struct query *q, uint64_t more)
{
  char source[ADDRESS_TEXT_SIZE], destination[ADDRESS_TEXT_SIZE], name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE];
  char question[NAME_TEXT_SIZE + QTYPE_TEXT_SIZE + 1], count_text[24];
  snprintf(question, sizeof question, "%s %s", name_text(&q->qname, name), qtype_text(q->qtype, type));
  snprintf(count_text, sizeof count_text, "%" PRIu64, more);
  struct text flat;
  text_init(&flat);
  add_flat(&flat, error);
  const struct log_field fields[] = {
      {"destination", address_text_with_port(&q->destination, destination)},
      {"function", script_where(script)},
      {"proto", transport_rows[q->transport].long_name},
      {"question", question},
      {"source", address_text_with_port(&q->client, source)},
      {more > 0 ? "suppressed" : NULL, count_text},
      {NULL, NULL},
  };
  log_event(&(struct log_event){.priority = LOG_PRIO_WARNING,
                                .message = messages[user],
                                .error = flat.data,
                                .subsystem = "query-processing",
                                .fields = fields});
  text_fini(&flat);
}

void
script_call_report(const struct script_call *call, enum script_user user, const struct script *script, const struct query *q)
{
  uint64_t now = clock_mono_us();
  count(q->worker, COUNTER_SCRIPT_ERRORS);
  if (now < limits[user].next_us) {
    limits[user].suppressed++;
    return;
  }
  uint64_t more = limits[user].suppressed;
  limits[user].next_us = now + INTERVAL_US;
  limits[user].suppressed = 0;
  write_line(user, call->error, script, q, more);
}
