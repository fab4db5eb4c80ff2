// SPDX-License-Identifier: BSD-2-Clause
// Metrics: dumpStats, showDrops, getStatisticsCounters, and the ones that scripts declare.
//
//   declareMetric() with the Lua lock; incMetric(), decMetric(), setMetric(), getMetric() from any state, on any thread
//
// Reading is observe/metrics, which is without the Lua lock; here it becomes columns or a table. Labels of a metric are a
// table whose keys are sorted, so that the same labels are the same series however they are written.
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/core/counters.h"
#include "dnsproxy/core/worker.h"
#include "dnsproxy/observe/metrics.h"
#include "lua/binder/classes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ---- dumpStats ----

struct lines {
  struct text *items;
  size_t count;
};

static void
bind_metrics_add_line(const struct metric *m, void *arg)
{
  struct lines *l = arg;
  l->items = memory_resize(l->items, l->count + 1, sizeof *l->items);
  struct text *line = &l->items[l->count++];
  text_init(line);
  text_printf(line, m->is_real ? "%-35s\t%11.1f" : "%-35s\t%11.0f", m->name, m->value);
}

// The first half of the names on the left, the second on the right.
static int
bind_metrics_dump_stats(struct call *c)
{
  (void)c;
  struct lines l = {.count = 0};
  struct text *out = binder_output();
  metrics_each(bind_metrics_add_line, &l);
  size_t left = (l.count + 1) / 2;
  for (size_t i = 0; i < left; i++) {
    text_puts(out, l.items[i].data);
    if (left + i < l.count)
      text_printf(out, "    %s", l.items[left + i].data);
    text_puts(out, "\n");
  }
  for (size_t i = 0; i < l.count; i++)
    text_fini(&l.items[i]);
  free(l.items);
  return 0;
}

static void
bind_metrics_push_counter(const struct metric *m, void *arg)
{
  struct call *c = arg;
  if (!m->is_counter)
    return;
  lua_pushnumber(c->lua, m->value);
  lua_setfield(c->lua, -2, m->name);
}

static int
bind_metrics_get_counters(struct call *c)
{
  lua_newtable(c->lua);
  metrics_each(bind_metrics_push_counter, c);
  return 1;
}

// ---- showDrops ----

static uint64_t
bind_metrics_parked_sum(void)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < worker_count(); i++)
    sum += atomic_load_explicit(&workers[i]->parked, memory_order_relaxed);
  return sum;
}

static int
bind_metrics_show_drops(struct call *c)
{
  (void)c;
  struct text *out = binder_output();
  uint64_t of_queries = 0;
  text_printf(out, "%-20s %12s %s\n", "Reason", "Count", "Meaning");
  for (unsigned i = 0; i < DROP_COUNT; i++) {
    uint64_t n = drop_sum(i);
    of_queries += drop_rows[i].is_query ? n : 0;
    text_printf(out, "%-20s %12" PRIu64 " %s\n", drop_rows[i].name, n, drop_rows[i].sentence);
  }
  text_printf(out, "\n%" PRIu64 " queries = %" PRIu64 " answers sent + %" PRIu64 " dropped + %" PRIu64 " under way\n",
              counter_sum(COUNTER_QUERIES), counter_sum(COUNTER_ANSWERS_SENT), of_queries, bind_metrics_parked_sum());
  return 0;
}

static int
bind_metrics_get_drops(struct call *c)
{
  lua_newtable(c->lua);
  for (unsigned i = 0; i < DROP_COUNT; i++) {
    lua_pushnumber(c->lua, (lua_Number)drop_sum(i));
    lua_setfield(c->lua, -2, drop_rows[i].name);
  }
  lua_pushnumber(c->lua, (lua_Number)bind_metrics_parked_sum());
  lua_setfield(c->lua, -2, "parked");
  return 1;
}

// ---- metrics of scripts ----

enum { DECLARE_CUSTOM_NAME, DECLARE_WITH_LABELS };

static const struct param declare_options[] = {
    [DECLARE_CUSTOM_NAME] = {.name = "customName",
                             .type = PARAM_STRING,
                             .optional = true,
                             .help = "name in Prometheus"},
    [DECLARE_WITH_LABELS] = {.name = "withLabels",
                             .type = PARAM_BOOL,
                             .optional = true,
                             .help = "used with labels only"},
    {.type = PARAM_END},
};

static int
bind_metrics_refuse(struct call *c, const char *what)
{
  log_error("lua", "%s('%s'): %s", c->function->name, c->args[0].string.data, what);
  return 0;
}

static int
bind_metrics_declare_metric(struct call *c)
{
  static const struct param name_row = {.name = "prometheusName", .type = PARAM_STRING},
                            options_row = {.name = "options", .type = PARAM_OPTIONS, .options = declare_options};
  const char *kind = c->args[1].string.data, *custom = NULL;
  bool counter = strcmp(kind, "counter") == 0, labels = false, good = counter || strcmp(kind, "gauge") == 0;
  struct value v;
  if (c->args[3].given && lua_istable(c->lua, c->args[3].stack)) {
    if (!call_read(c, c->args[3].stack, &options_row, &v))
      return -1;
    custom = v.options[DECLARE_CUSTOM_NAME].given ? v.options[DECLARE_CUSTOM_NAME].string.data : NULL;
    labels = v.options[DECLARE_WITH_LABELS].boolean;
  } else if (c->args[3].given) {
    if (!call_read(c, c->args[3].stack, &name_row, &v))
      return -1;
    custom = v.string.data;
  }
  good = good && custom_metric_declare(c->args[0].string.data, counter ? CUSTOM_COUNTER : CUSTOM_GAUGE,
                                       c->args[2].string.data, custom, labels);
  if (!good)
    bind_metrics_refuse(c, "neither a good name nor one of the types counter and gauge");
  lua_pushboolean(c->lua, good);
  return 1;
}

static int
bind_metrics_by_key(const void *a, const void *b)
{
  return strcmp(((const struct bytes *)a)->data, ((const struct bytes *)b)->data);
}

// Labels in one canonical text, so that the order they are written in does not matter.
static void
bind_metrics_add_labels(const struct value *v, struct text *out)
{
  qsort(v->list.strings, v->list.count / 2, 2 * sizeof *v->list.strings, bind_metrics_by_key);
  for (size_t i = 0; i + 1 < v->list.count; i += 2)
    text_printf(out, "%s%s=\"%s\"", i > 0 ? "," : "", v->list.strings[i].data, v->list.strings[i + 1].data);
}

enum { CHANGE_STEP, CHANGE_LABELS };
static const struct param change_options[] = {
    [CHANGE_STEP] = {.name = "step", .type = PARAM_INT, .least = -INT64_MAX, .most = INT64_MAX, .optional = true, .fallback = "1"},
    [CHANGE_LABELS] = {.name = "labels", .type = PARAM_STRING_MAP, .optional = true},
    {.type = PARAM_END},
};
static const struct param change_row = {.name = "options", .type = PARAM_OPTIONS, .options = change_options};

// A step, or a table with step and labels.
static bool
bind_metrics_read_change(struct call *c, const struct value *arg, int64_t *step, struct text *labels)
{
  static const struct param step_row = {.name = "step", .type = PARAM_INT, .least = -INT64_MAX, .most = INT64_MAX};
  struct value v;
  *step = 1;
  if (!arg->given)
    return true;
  if (lua_istable(c->lua, arg->stack)) {
    if (!call_read(c, arg->stack, &change_row, &v))
      return false;
    *step = v.options[CHANGE_STEP].integer;
    if (v.options[CHANGE_LABELS].given)
      bind_metrics_add_labels(&v.options[CHANGE_LABELS], labels);
    return true;
  }
  if (!call_read(c, arg->stack, &step_row, &v))
    return false;
  *step = v.integer;
  return true;
}

static int
bind_metrics_change_metric(struct call *c, int sign)
{
  struct text labels;
  int64_t step;
  text_init(&labels);
  bool good = bind_metrics_read_change(c, &c->args[1], &step, &labels);
  _Atomic double *value = good ? custom_metric_series(c->args[0].string.data, CUSTOM_COUNTER, labels.data) : NULL;
  text_fini(&labels);
  if (!good)
    return -1;
  if (value == NULL)
    bind_metrics_refuse(c, "there is no such counter");
  else if (!binder_dry)
    custom_metric_add(value, (double)(sign * step));
  lua_pushnumber(c->lua, value == NULL ? 0 : *value);
  return 1;
}

static int
bind_metrics_inc_metric(struct call *c)
{
  return bind_metrics_change_metric(c, 1);
}

static int
bind_metrics_dec_metric(struct call *c)
{
  return bind_metrics_change_metric(c, -1);
}

static _Atomic double *
bind_metrics_find_series(struct call *c, const struct value *options, bool gauge)
{
  struct text labels;
  text_init(&labels);
  if (options->given && options->options[0].given)
    bind_metrics_add_labels(&options->options[0], &labels);
  const char *name = c->args[0].string.data;
  _Atomic double *value = gauge ? custom_metric_series(name, CUSTOM_GAUGE, labels.data) : custom_metric_any(name, labels.data);
  text_fini(&labels);
  if (value == NULL)
    bind_metrics_refuse(c, gauge ? "there is no such gauge" : "there is no such metric");
  return value;
}

static int
bind_metrics_set_metric(struct call *c)
{
  _Atomic double *value = bind_metrics_find_series(c, &c->args[2], true);
  if (value != NULL && !binder_dry)
    *value = c->args[1].number;
  lua_pushnumber(c->lua, value == NULL ? 0 : *value);
  return 1;
}

static int
bind_metrics_get_metric(struct call *c)
{
  _Atomic double *value = bind_metrics_find_series(c, &c->args[1], false);
  lua_pushnumber(c->lua, value == NULL ? 0 : *value);
  return 1;
}

static const struct param label_options[] = {{.name = "labels", .type = PARAM_STRING_MAP, .optional = true},
                                             {.type = PARAM_END}};

#define NAME {.name = "name", .type = PARAM_STRING}
#define LABELS {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = label_options}

const struct lua_function functions_metrics[] = {
    {.name = "dumpStats", .help = "Print all metrics", .flags = FUNCTION_NO_EFFECT, .call = bind_metrics_dump_stats},
    {.name = "getStatisticsCounters",
     .help = "All counters by name",
     .returns = "table<string, integer>",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_metrics_get_counters},
    {.name = "showDrops",
     .help = "Print every reason why a query got no answer, with its count",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_metrics_show_drops},
    {.name = "getDrops",
     .help = "The counts of showDrops() by reason, and of queries under way as parked",
     .returns = "table<string, integer>",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_metrics_get_drops},
    {.name = "declareMetric",
     .help = "Declare a metric of your own",
     .params = PARAMS(NAME, {.name = "type", .type = PARAM_STRING, .help = "counter or gauge"},
                      {.name = "description", .type = PARAM_STRING},
                      {.name = "prometheusName", .type = PARAM_ANY, .optional = true, .options = declare_options}),
     .returns = "boolean",
     .call = bind_metrics_declare_metric},
    {.name = "incMetric",
     .help = "Raise a counter of your own",
     .params = PARAMS(NAME, {.name = "step", .type = PARAM_ANY, .optional = true, .options = change_options}),
     .returns = "integer",
     .flags = FUNCTION_ANY_THREAD, .call = bind_metrics_inc_metric},
    {.name = "decMetric",
     .help = "Lower a counter of your own",
     .params = PARAMS(NAME, {.name = "step", .type = PARAM_ANY, .optional = true, .options = change_options}),
     .returns = "integer",
     .flags = FUNCTION_ANY_THREAD, .call = bind_metrics_dec_metric},
    {.name = "setMetric",
     .help = "Set a gauge of your own",
     .params = PARAMS(NAME, {.name = "value", .type = PARAM_FLOAT, .any = true}, LABELS),
     .returns = "number",
     .flags = FUNCTION_ANY_THREAD, .call = bind_metrics_set_metric},
    {.name = "getMetric",
     .help = "Read a metric of your own",
     .params = PARAMS(NAME, LABELS),
     .returns = "number",
     .flags = FUNCTION_NO_EFFECT | FUNCTION_ANY_THREAD,
     .call = bind_metrics_get_metric},
    {.name = NULL},
};
