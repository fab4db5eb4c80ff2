// SPDX-License-Identifier: BSD-2-Clause
// Telling of functions that failed for a query.
#include "lua/scripts/script_call.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/wire/codes.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { INTERVAL_US = 1000000 };

static const char *const messages[SCRIPT_USERS] = {
    [SCRIPT_RULE] = "LuaRule failed inside Lua",
    [SCRIPT_ACTION] = "LuaAction failed inside Lua, returning ServFail",
    [SCRIPT_RESPONSE_ACTION] = "LuaResponseAction failed inside Lua, returning ServFail",
    [SCRIPT_SOURCE] = "Code for each thread gives no function, the rule is skipped",
    [SCRIPT_QUERY_COUNT] = "The filter of counted queries failed inside Lua, the query is not counted",
    [SCRIPT_POLICY] = "Lua policy failed inside Lua, the query is dropped",
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of the limits
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
write_line(enum script_user user, const char *error, const char *where, const struct query *q, uint64_t more)
{
  char source[ADDRESS_TEXT_SIZE], destination[ADDRESS_TEXT_SIZE], name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE];
  char question[NAME_TEXT_SIZE + QTYPE_TEXT_SIZE + 1], count_text[24];
  snprintf(question, sizeof question, "%s %s", name_text(&q->qname, name), qtype_text(q->qtype, type));
  snprintf(count_text, sizeof count_text, "%" PRIu64, more);
  const struct log_field fields[] = {
      {"destination", address_text_with_port(&q->arrival.destination, destination)},
      {"function", where},
      {"proto", q->arrival.transport->long_name},
      {"question", question},
      {"source", address_text_with_port(&q->arrival.client, source)},
      {more > 0 ? "suppressed" : NULL, count_text},
      {NULL, NULL},
  };
  log_event(&(struct log_event){.priority = LOG_PRIO_WARNING,
                                .message = messages[user],
                                .error = error,
                                .subsystem = "query-processing",
                                .fields = fields});
}

// May this one be told? *more: how many were not since the last.
static bool
take_turn(enum script_user user, uint64_t *more)
{
  uint64_t now = clock_mono_us();
  pthread_mutex_lock(&lock);
  bool mine = now >= limits[user].next_us;
  *more = limits[user].suppressed;
  limits[user].suppressed = mine ? 0 : *more + 1;
  if (mine)
    limits[user].next_us = now + INTERVAL_US;
  pthread_mutex_unlock(&lock);
  return mine;
}

void
script_report(enum script_user user, const char *error, const char *where, const struct query *q)
{
  uint64_t more;
  if (q->rehearsal.dry && q->worker->notes != NULL) {
    text_printf(q->worker->notes, "%s (%s): ", messages[user], where);
    add_flat(q->worker->notes, error);
    text_puts(q->worker->notes, "\n");
    return;
  }
  count(q->worker, COUNTER_SCRIPT_ERRORS);
  if (take_turn(user, &more))
    write_line(user, error, where, q, more);
}
