// SPDX-License-Identifier: BSD-2-Clause
// Everything declared, in four forms: annotations for editors, the manual page, completion, JSON
// (--describe=luals|man|completion|json).
//
//   lua_function_arrays[], lua_classes[], constants --> a visitor per form --> text
//
// What --describe prints is in the repository as contrib/dnsproxy.lua, doc/dnsproxy.conf.5 and contrib/completion.txt, and
// make check compares, so that no declaration is without its documentation. A form is a set of functions for the parts (a
// function, a class, a member); to add one is to write those. No state is needed: rows are constants.
#include "lua/front/describe.h"

#include "lua/binder/binder.h"
#include "lua/binder/sense.h"
#include "lua/binder/signature.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

// ---- completion: "name(" , "name()", ":method(" ----

static void
describe_completion_word(const char *prefix, const struct lua_function *f, struct text *out)
{
  bool none = f->params == NULL || f->params->type == PARAM_END;
  if ((f->flags & FUNCTION_HIDDEN) == 0)
    text_printf(out, "%s%s%s\n", prefix, f->name, none ? "()" : "(");
}

static void
describe_completion_function(const struct lua_function *f, void *arg)
{
  describe_completion_word("", f, arg);
}

static void
describe_completion_class(const struct lua_class *class, void *arg)
{
  for (const struct lua_function *m = class->methods; m != NULL && m->name != NULL; m++)
    describe_completion_word(":", m, arg);
}

// ---- luals ----

static void
describe_luals_param(const struct param *p, struct text *out)
{
  struct text bounds;
  text_init(&bounds);
  sense_words(p, &bounds);
  text_printf(out, "---@param %s%s %s", p->name, p->optional ? "?" : "", signature_type(p));
  if (p->help != NULL || bounds.size > 0)
    text_printf(out, " # %s%s%s", p->help != NULL ? p->help : "", p->help != NULL && bounds.size > 0 ? "; " : "", bounds.data);
  text_puts(out, "\n");
  text_fini(&bounds);
}

static void
describe_luals_params(const struct param *params, struct text *out)
{
  for (const struct param *p = params; p != NULL && p->type != PARAM_END; p++)
    describe_luals_param(p, out);
}

static void
describe_luals_callable(const char *owner, const struct lua_function *f, struct text *out)
{
  if ((f->flags & FUNCTION_HIDDEN) != 0)
    return;
  text_printf(out, "\n---%s\n", f->help);
  describe_luals_params(f->params, out);
  if (f->returns != NULL)
    text_printf(out, "---@return %s\n", f->returns);
  text_printf(out, "function %s%s(", owner, f->name);
  for (const struct param *p = f->params; p != NULL && p->type != PARAM_END; p++)
    text_printf(out, "%s%s", p == f->params ? "" : ", ", p->name);
  text_puts(out, ") end\n");
}

static void
describe_luals_function(const struct lua_function *f, void *arg)
{
  describe_luals_callable("", f, arg);
}

static void
describe_luals_class(const struct lua_class *class, void *arg)
{
  struct text *out = arg;
  char owner[128];
  text_printf(out, "\n---%s\n---@class %s\n", class->help, class->name);
  for (const struct lua_attribute *a = class->attributes; a != NULL && a->name != NULL; a++) {
    struct param p = {.name = a->name, .type = a->type};
    text_printf(out, "---@field %s %s # %s\n", a->name, a->words != NULL ? a->words : signature_type(&p), a->help);
  }
  text_printf(out, "local %s = {}\n", class->name);
  snprintf(owner, sizeof owner, "%s:", class->name);
  for (const struct lua_function *m = class->methods; m != NULL && m->name != NULL; m++)
    describe_luals_callable(owner, m, out);
}

// ---- man (mdoc) ----

// A line must not begin like a request.
static void
describe_man_text(const char *words, struct text *out)
{
  if (*words == '.' || *words == '\'')
    text_puts(out, "\\&");
  for (; *words != '\0'; words++) {
    if (*words == '\\')
      text_puts(out, "\\e");
    else
      text_add(out, words, 1);
  }
}

// "1 to 255 s"
static void
describe_man_bounds(const struct param *p, struct text *out)
{
  struct text bounds;
  text_init(&bounds);
  sense_words(p, &bounds);
  if (bounds.size > 0)
    text_printf(out, " %s", bounds.data);
  if (p->unit != NULL)
    text_printf(out, " %s", p->unit);
  text_fini(&bounds);
}

static void
describe_man_options(const struct param *options, struct text *out)
{
  text_puts(out, ".Bl -tag -width Ds -compact\n");
  for (const struct param *o = options; o->type != PARAM_END; o++) {
    text_printf(out, ".It Va %s Pq %s", o->name, signature_type(o));
    if (o->fallback != NULL && o->fallback[0] != '\0')
      text_printf(out, " default: %s", o->fallback);
    describe_man_bounds(o, out);
    text_puts(out, "\n");
    if (o->help != NULL && o->help[0] != '\0') {
      describe_man_text(o->help, out);
      text_puts(out, "\n");
    }
  }
  text_puts(out, ".El\n");
}

// Arguments that have bounds.
static void
describe_man_numbers(const struct param *params, struct text *out)
{
  for (const struct param *p = params; p != NULL && p->type != PARAM_END; p++)
    if (p->type != PARAM_QTYPE && (param_has_sense(p) || p->max != 0)) {
      text_printf(out, ".Va %s :", p->name);
      describe_man_bounds(p, out);
      text_puts(out, ".\n");
    }
}

static void
describe_man_callable(const char *prefix, const struct lua_function *f, struct text *out)
{
  if ((f->flags & FUNCTION_HIDDEN) != 0)
    return;
  text_printf(out, ".It Ic %s%s", prefix, f->name);
  signature_parameters(f->params, out);
  text_puts(out, "\n");
  describe_man_text(f->help, out);
  text_puts(out, ".\n");
  if ((f->flags & FUNCTION_CONFIG_ONLY) != 0)
    text_puts(out, "In the configuration file only.\n");
  describe_man_numbers(f->params, out);
  for (const struct param *p = f->params; p != NULL && p->type != PARAM_END; p++)
    if (p->options != NULL)
      describe_man_options(p->options, out);
}

static void
describe_man_function(const struct lua_function *f, void *arg)
{
  describe_man_callable("", f, arg);
}

static void
describe_man_class(const struct lua_class *class, void *arg)
{
  struct text *out = arg;
  text_printf(out, ".Ss %s\n", class->name);
  describe_man_text(class->help, out);
  text_puts(out, ".\n");
  if (class->attributes == NULL && class->methods == NULL)
    return;
  text_puts(out, ".Bl -tag -width Ds\n");
  for (const struct lua_attribute *a = class->attributes; a != NULL && a->name != NULL; a++) {
    text_printf(out, ".It Va %s%s\n", a->name, a->set == NULL ? " Pq read-only" : "");
    describe_man_text(a->help, out);
    text_puts(out, ".\n");
  }
  for (const struct lua_function *m = class->methods; m != NULL && m->name != NULL; m++)
    describe_man_callable(":", m, out);
  text_puts(out, ".El\n");
}

static void
describe_man(struct text *out)
{
  text_puts(out, ".\\\" SPDX-License-Identifier: BSD-2-Clause\n"
                 ".\\\" Made by dnsproxy --describe=man: change the declarations instead.\n"
                 ".Dd November 21, 2026\n.Dt DNSPROXY.CONF 5\n.Os\n.Sh NAME\n.Nm dnsproxy.conf\n.Nd configuration of dnsproxy\n"
                 ".Sh DESCRIPTION\nThe configuration of\n.Xr dnsproxy 1\nis a Lua program that calls the functions below.\n"
                 "Most may be called on the console too.\n.Sh FUNCTIONS\n.Bl -tag -width Ds\n");
  binder_each_function(describe_man_function, out);
  text_puts(out, ".El\n.Sh OBJECTS\n");
  binder_each_class(describe_man_class, out);
  text_puts(out, ".Sh SEE ALSO\n.Xr dnsproxy 1\n");
}

// ---- json ----

static void
describe_json_bounds(const struct param *p, json_t *o)
{
  if (p->max != 0)
    json_object_set_new(o, "max", json_integer(p->max));
  if (p->min != 0)
    json_object_set_new(o, "min", json_integer(p->min));
  if (param_has_sense(p)) {
    json_object_set_new(o, "least", json_integer(p->least));
    json_object_set_new(o, "most", json_integer(param_most(p)));
  }
  if (p->type == PARAM_QTYPE) {
    json_object_set_new(o, "least", json_integer(0));
    json_object_set_new(o, "most", json_integer(UINT16_MAX));
  }
  if (p->zero)
    json_object_set_new(o, "zero", json_true());
  if (p->any || p->own || p->type == PARAM_INDEX)
    json_object_set_new(o, "bounds", json_string(p->any ? "any" : "own"));
}

static json_t *
describe_json_params(const struct param *params)
{
  json_t *list = json_array();
  for (const struct param *p = params; p != NULL && p->type != PARAM_END; p++) {
    json_t *o = json_pack("{s:s, s:s, s:b, s:s*, s:s*, s:s*}", "name", p->name, "type", signature_type(p), "optional", p->optional,
                          "default", p->fallback, "unit", p->unit, "help", p->help);
    if (p->options != NULL)
      json_object_set_new(o, "options", describe_json_params(p->options));
    describe_json_bounds(p, o);
    json_array_append_new(list, o);
  }
  return list;
}

static json_t *
describe_json_callable(const struct lua_function *f)
{
  return json_pack("{s:s, s:s, s:s*, s:b, s:b, s:o}", "name", f->name, "help", f->help, "returns", f->returns, "config_only",
                   (f->flags & FUNCTION_CONFIG_ONLY) != 0, "no_effect", (f->flags & FUNCTION_NO_EFFECT) != 0, "parameters",
                   describe_json_params(f->params));
}

static void
describe_json_function(const struct lua_function *f, void *arg)
{
  if ((f->flags & FUNCTION_HIDDEN) == 0)
    json_array_append_new(arg, describe_json_callable(f));
}

static json_t *
describe_json_attribute(const struct lua_attribute *a)
{
  const struct param p = {.name = a->name, .type = a->type, .least = a->least, .most = a->most, .own = a->own};
  json_t *o = json_pack("{s:s, s:s, s:s, s:b}", "name", a->name, "help", a->help, "type",
                        a->words != NULL ? a->words : signature_type(&p), "read_only", a->set == NULL);
  describe_json_bounds(&p, o);
  return o;
}

static void
describe_json_class(const struct lua_class *class, void *arg)
{
  json_t *methods = json_array(), *attributes = json_array();
  for (const struct lua_function *m = class->methods; m != NULL && m->name != NULL; m++)
    describe_json_function(m, methods);
  for (const struct lua_attribute *a = class->attributes; a != NULL && a->name != NULL; a++)
    json_array_append_new(attributes, describe_json_attribute(a));
  json_array_append_new(arg, json_pack("{s:s, s:s, s:o, s:o}", "name", class->name, "help", class->help, "attributes", attributes,
                                       "methods", methods));
}

static void
describe_json(struct text *out)
{
  json_t *functions = json_array(), *classes = json_array();
  binder_each_function(describe_json_function, functions);
  binder_each_class(describe_json_class, classes);
  json_t *all = json_pack("{s:o, s:o}", "functions", functions, "classes", classes);
  char *words = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
  text_puts(out, words);
  text_puts(out, "\n");
  free(words);
  json_decref(all);
}

bool
describe(const char *form, struct text *out)
{
  if (strcmp(form, "completion") == 0) {
    binder_each_function(describe_completion_function, out);
    binder_each_class(describe_completion_class, out);
  } else if (strcmp(form, "luals") == 0) {
    text_puts(out, "-- SPDX-License-Identifier: BSD-2-Clause\n---@meta\n-- Made by dnsproxy --describe=luals: change the declarations instead.\n");
    binder_each_class(describe_luals_class, out);
    binder_each_function(describe_luals_function, out);
  } else if (strcmp(form, "man") == 0) {
    describe_man(out);
  } else if (strcmp(form, "json") == 0) {
    describe_json(out);
  } else {
    return false;
  }
  return true;
}
