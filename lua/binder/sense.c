// SPDX-License-Identifier: BSD-2-Clause
// The bounds of sense. A row (struct param) says which numbers mean something: a time-out of at least one second, 32 bits
// of an IPv4 address at most. The dialect takes others as well, and some turn into their opposite: no time at all, the
// whole address, no limit. Here is the one place that looks, for every function, option, method and attribute:
//
//     lua stack -> call_read(): type, bounds of the type (refused) -> sense_check() -> struct value -> C
//
// Configurations that ran for years must go on starting. So nothing is refused here: a warning names file, line, function,
// parameter, number and bounds, and what counts is
//     a setting (FUNCTION_SETTING, an attribute)   what it was before: the call does nothing
//     an option or an optional argument            its default, as if it was not written
//     any other argument                           the nearest bound
// or what the row itself says: `safe`, a number that does no harm (the nearest number of bits to 200 is all of them), or
// `outside`, when the number does what it says and only that must be known.
//
// Told once for each place: a configuration remembers its sentences (binder_is_news); what functions do for queries, on any
// thread and with ever new numbers, is told once for each row, by a table of hashes that only grows, and is full at some time.
#include "lua/binder/sense.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/core/worker.h"
#include "lua/binder/arguments.h"
#include "lua/binder/load.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// ---- what was told ----

enum { TOLD_SLOTS = 4096, TOLD_TRIES = 16 };
static _Atomic uint64_t told[TOLD_SLOTS]; // 0: free

static uint64_t
sense_hash(const char *where, const char *what)
{
  uint64_t hash = 14695981039346656037u;
  for (; *where != '\0'; where++)
    hash = (hash ^ (uint8_t)*where) * 1099511628211u;
  hash = (hash ^ 0xff) * 1099511628211u;
  for (; *what != '\0'; what++)
    hash = (hash ^ (uint8_t)*what) * 1099511628211u;
  return hash | 1;
}

static bool
sense_is_news(const char *where, const char *what)
{
  uint64_t hash = sense_hash(where, what);
  for (unsigned i = 0; i < TOLD_TRIES; i++) {
    uint64_t seen = 0;
    if (atomic_compare_exchange_strong_explicit(&told[(hash + i) % TOLD_SLOTS], &seen, hash, memory_order_relaxed,
                                                memory_order_relaxed))
      return true;
    if (seen == hash)
      return false;
  }
  return false;
}

// ---- telling ----

void
sense_words(const struct param *p, struct text *out)
{
  int64_t most = param_most(p);
  if (!param_has_sense(p) && p->max == 0)
    return;
  if (p->zero && p->least > 0)
    text_puts(out, "0, or ");
  if (most == INT64_MAX)
    text_printf(out, "at least %lld", (long long)p->least);
  else if (p->least == most)
    text_printf(out, "%lld", (long long)most);
  else
    text_printf(out, "%lld to %lld", (long long)(param_has_sense(p) ? p->least : p->min), (long long)most);
}

// The sentence says what: "newServer: checkTimeout=0 means nothing and is ignored: it must be 1 to 65535". A person on the
// console sees it every time. What is run for queries has one place and many numbers.
static void
sense_tell(const struct call *c, const char *function, const char *what, const char *sentence)
{
  char place[PLACE_TEXT_SIZE];
  if (worker_current() != NULL) { // for a query, perhaps in a copy: no configuration is held
    if (sense_is_news(load_place(c->lua, place), what))
      log_warning(function, "%s: %s", place, sentence);
    return;
  }
  enum config_phase phase = config() == NULL ? PHASE_LOADING : config()->phase;
  if (phase == PHASE_CLIENT)
    return;
  load_place(c->lua, place);
  if (phase == PHASE_RUNNING)
    text_printf(binder_output(), "%s\n", sentence);
  struct text whole;
  text_init(&whole);
  text_printf(&whole, "%s: %s", place, sentence);
  if (binder_is_news(c->lua, whole.data))
    log_warning(function, "%s", whole.data);
  text_fini(&whole);
}

void
sense_warn(struct call *c, const char *format, ...)
{
  struct text sentence;
  va_list list;
  text_init(&sentence);
  text_printf(&sentence, "%s: ", c->function->name);
  va_start(list, format);
  text_vprintf(&sentence, format, list);
  va_end(list);
  sense_tell(c, c->function->name, format, sentence.data);
  text_fini(&sentence);
}

bool
sense_good(const char *where, const char *what, int64_t number, int64_t least, int64_t most, const char *outcome)
{
  if (number >= least && number <= most)
    return true;
  if (sense_is_news(where, what))
    log_warning(where, "%s: %s=%lld means nothing: it must be %lld to %lld; %s", where, what, (long long)number,
                (long long)least, (long long)most, outcome);
  return false;
}

void
sense_check_pairs(struct call *c, const struct value *args)
{
  for (const struct param *p = c->function->params; p != NULL && p->type != PARAM_END; p++, args++)
    if (p->pair && args[0].integer > args[1].integer)
      sense_warn(c, "%s=%lld is above %s=%lld: nothing is between them", p->name, (long long)args[0].integer, p[1].name,
                 (long long)args[1].integer);
}

// ---- looking ----

static bool
sense_inside(const struct param *p, double number, int64_t whole)
{
  if (isnan(number))
    return false;
  if (p->zero && number == 0)
    return true;
  if (p->type == PARAM_FLOAT)
    return number >= (double)p->least && number <= (double)param_most(p);
  return whole >= p->least && whole <= param_most(p);
}

// "setUDPTimeout(0)", "checkTimeout=0", "ms=-1"
static void
sense_name(const struct call *c, const struct param *p, double number, struct text *out)
{
  bool alone = c->function != NULL && c->function->params == p && p[1].type == PARAM_END;
  const char *name = alone ? c->function->name : p->name;
  text_printf(out, alone ? "%s(" : "%s=", name);
  text_printf(out, number == floor(number) && fabs(number) < 1e15 ? "%.0f" : "%g", number);
  if (alone)
    text_puts(out, ")");
}

static bool
sense_is_setting(const struct call *c)
{
  return c->function == NULL || (c->function->flags & FUNCTION_SETTING) != 0;
}

static void
sense_put(const struct param *p, struct value *v, int64_t whole, double number)
{
  if (p->type == PARAM_FLOAT)
    v->number = number;
  else
    v->integer = whole;
}

static int64_t
sense_nearest(const struct param *p, double number)
{
  return number > (double)param_most(p) ? param_most(p) : p->least;
}

enum outcome { IGNORED, AS_NOT_WRITTEN, REPLACED, KEPT };

static enum outcome
sense_decide(const struct call *c, const struct param *p, double number)
{
  if (p->outside == OUTSIDE_KEPT || (p->outside == OUTSIDE_ZERO_KEPT && number == 0))
    return KEPT;
  if (p->safe != NULL)
    return REPLACED;
  if (p->optional)
    return AS_NOT_WRITTEN;
  return sense_is_setting(c) ? IGNORED : REPLACED;
}

// Where there is a least, the reason is that of the numbers below it; else of all that are outside.
static bool
sense_reason_holds(const struct param *p, double number, enum outcome outcome)
{
  if (p->why == NULL)
    return false;
  if (p->outside == OUTSIDE_ZERO_KEPT)
    return outcome == KEPT;
  return p->least <= 0 || number < (double)p->least;
}

static void
sense_outcome(struct call *c, const struct param *p, double number, enum outcome outcome, struct value *v)
{
  const char *function = c->function == NULL ? p->name : c->function->name;
  struct text sentence;
  text_init(&sentence);
  if (c->function != NULL && !(c->function->params == p && p[1].type == PARAM_END))
    text_printf(&sentence, "%s: ", function);
  sense_name(c, p, number, &sentence);
  text_puts(&sentence, outcome == IGNORED          ? " is ignored: it must be "
                       : outcome == AS_NOT_WRITTEN ? " means nothing and is ignored: it must be "
                       : outcome == REPLACED       ? " means nothing: it must be "
                                                   : " has no sense: it should be ");
  sense_words(p, &sentence);
  if (outcome == REPLACED) {
    if (p->safe != NULL)
      sense_put(p, v, strtoll(p->safe, NULL, 10), strtod(p->safe, NULL));
    else
      sense_put(p, v, sense_nearest(p, number), (double)sense_nearest(p, number));
    text_printf(&sentence, ", %.10g is used", p->type == PARAM_FLOAT ? v->number : (double)v->integer);
  } else if (outcome == AS_NOT_WRITTEN) {
    argument_fallback(c, p, v);
  }
  if (sense_reason_holds(p, number, outcome))
    text_printf(&sentence, "; %s", p->why);
  sense_tell(c, function, p->name, sentence.data);
  text_fini(&sentence);
}

// Lists: each element, told one by one; what counts is kept, for an element cannot be left out of its place.
static void
sense_check_list(struct call *c, const struct param *p, struct value *v)
{
  for (size_t i = 0; i < v->list.count; i++) {
    struct value element = {.given = true, .integer = v->list.integers[i]};
    struct param row = *p;
    row.optional = false;
    if (!sense_inside(p, (double)element.integer, element.integer)) {
      sense_outcome(c, &row, (double)element.integer, p->outside == OUTSIDE_KEPT ? KEPT : REPLACED, &element);
      v->list.integers[i] = element.integer;
    }
  }
}

bool
sense_check(struct call *c, const struct param *p, struct value *v, int stack)
{
  if (!param_has_sense(p))
    return true;
  if (p->type == PARAM_INTS) {
    sense_check_list(c, p, v);
    return true;
  }
  double number = p->type == PARAM_FLOAT ? v->number : (double)v->integer;
  if (p->type == PARAM_INT && isnan(lua_tonumber(c->lua, stack)))
    number = NAN;
  if ((p->type != PARAM_INT && p->type != PARAM_FLOAT) || sense_inside(p, number, v->integer))
    return true;
  enum outcome outcome = sense_decide(c, p, number);
  sense_outcome(c, p, number, outcome, v);
  return outcome != IGNORED;
}
