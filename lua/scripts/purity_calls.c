// SPDX-License-Identifier: BSD-2-Clause
// What is called, with what, and what it leaves: functions of the user are walked, those of libraries and methods have rows.
#include "lua/scripts/purity_private.h"

#include "lua/binder/classes.h"

#include <lauxlib.h>
#include <string.h>

static uint32_t
purity_calls_queries_among(const struct register_value *args, unsigned count)
{
  uint32_t queries = 0;
  for (unsigned i = 0; i < count && i < 32; i++)
    if (args[i].held == HELD_QUERY)
      queries |= 1u << i;
  return queries;
}

// A value that is called by somebody else, with arguments that are not known.
static void
purity_calls_hand_over(struct walk *w, const struct register_value *v)
{
  struct search *s = w->search;
  if (v->held == HELD_KNOWN) {
    push_known(s, v);
    reach_value(s, lua_gettop(s->lua));
    if (is_dangerous(s, lua_gettop(s->lua))) {
      const char *path = library_find(s->lua, -1).path;
      s->found->anything = true;
      found_sharing(s, "hands over %s()", path != NULL ? path : "a function of a library");
    }
    if (lua_isfunction(s->lua, -1) && !lua_iscfunction(s->lua, -1) && library_find(s->lua, -1).kind == LIBRARY_UNKNOWN)
      walk_function(s, lua_gettop(s->lua), 0);
    lua_pop(s->lua, 1);
  } else if (v->held == HELD_REACHED) {
    note_call(s, 0);
  } else if (v->held == HELD_UNKNOWN || v->held == HELD_VOLATILE || v->held == HELD_OBJECT ||
             v->held == HELD_MEMBER) {
    s->found->anything = true;
    found_sharing(s, "hands over a function that cannot be known");
  }
}

static struct register_value
purity_calls_call_library(struct walk *w, const struct library_entry *entry, const struct register_value *args,
                          unsigned count)
{
  struct search *s = w->search;
  for (unsigned i = 0; i < count; i++)
    if (args[i].held == HELD_KNOWN)
      purity_calls_hand_over(w, &args[i]);
  switch (entry->kind) {
  case LIBRARY_PURE:
    return entry->function != NULL ? held_object : strchr(entry->path, '.') != NULL ? held_scalar : held_unknown;
  case LIBRARY_ITERATES:
    return (struct register_value){.held = HELD_ITERATOR};
  case LIBRARY_CALLS: {
    bool gsub = strcmp(entry->path, "string.gsub") == 0;
    for (unsigned i = gsub ? 2 : 0; i < count && i < (gsub ? 3u : 2u); i++)
      if (!gsub || !is_scalar(&args[i]))
        purity_calls_hand_over(w, &args[i]);
    return gsub ? held_scalar : held_unknown;
  }
  case LIBRARY_CHANGES:
    if (count > 0)
      write_field(w, &args[0], NULL);
    if (count > 1 && strcmp(entry->path, "table.sort") == 0)
      purity_calls_hand_over(w, &args[1]);
    return held_unknown;
  case LIBRARY_OUTSIDE:
    s->found->calls_out = true;
    if (strncmp(entry->path, "include", strlen("include")) == 0) // runs a file
      s->found->anything = true;
    found_sharing(s, "calls %s()", entry->path);
    return held_object;
  default:
    s->found->anything = true;
    found_sharing(s, "calls %s()", entry->path != NULL ? entry->path : "a function of a library");
    return held_unknown;
  }
}

static struct register_value
purity_calls_call_known(struct walk *w, const struct register_value *callee, const struct register_value *args,
                        unsigned count)
{
  struct search *s = w->search;
  struct register_value result = held_unknown;
  push_known(s, callee);
  struct library_entry entry = library_find(s->lua, -1);
  if (!lua_isfunction(s->lua, -1)) {
    s->found->anything = true;
    found_sharing(s, "calls a %s", luaL_typename(s->lua, -1));
  } else if (entry.kind != LIBRARY_UNKNOWN || lua_iscfunction(s->lua, -1)) {
    result = purity_calls_call_library(w, &entry, args, count);
  } else {
    walk_function(s, lua_gettop(s->lua), purity_calls_queries_among(args, count));
  }
  lua_pop(s->lua, 1);
  return result;
}

// Methods call functions among their arguments as the libraries do.
static void
purity_calls_hand_to_method(struct walk *w, const char *name, const struct register_value *args, unsigned count)
{
  unsigned function = strcmp(name, "gsub") == 0 ? 2 : strcmp(name, "editTTLs") == 0 ? 1 : 0;
  for (unsigned i = 1; i < count; i++)
    if (i == function || args[i].held == HELD_KNOWN || args[i].held == HELD_REACHED)
      purity_calls_hand_over(w, &args[i]);
}

static struct register_value
purity_calls_call_member(struct walk *w, const struct register_value *callee, const struct register_value *args,
                         unsigned count)
{
  struct search *s = w->search;
  purity_calls_hand_to_method(w, callee->name, args, count);
  if (callee->reached) // a function in a table may be meant as well
    note_call(s, purity_calls_queries_among(args, count));
  if (member_is_safe(callee->class, callee->name))
    return strcmp(callee->name, "gmatch") == 0 || strcmp(callee->name, "gfind") == 0
               ? (struct register_value){.held = HELD_ITERATOR}
               : held_object;
  s->found->calls_out = true;
  if (count > 0 && args[0].held == HELD_KNOWN) {
    push_known(s, &args[0]);
    found_writing(s, (struct place){PLACE_VALUE, lua_topointer(s->lua, -1)});
    lua_pop(s->lua, 1);
  } else {
    s->found->anything |= callee->reached;
  }
  found_sharing(s, "calls :%s()", callee->name);
  return held_object;
}

static struct register_value
purity_calls_call_value(struct walk *w, const struct register_value *callee, const struct register_value *args,
                        unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    note_kept(w, &args[i]);
  switch (callee->held) {
  case HELD_KNOWN:
    return purity_calls_call_known(w, callee, args, count);
  case HELD_MEMBER:
    return purity_calls_call_member(w, callee, args, count);
  case HELD_REACHED:
    note_call(w->search, purity_calls_queries_among(args, count));
    return held_unknown;
  case HELD_CLOSURE: // was walked when it was made
    for (const struct surroundings *s = w->around; s != NULL; s = s->outer)
      if (s->code == callee->code)
        note_endless(w);
    return held_unknown;
  case HELD_ITERATOR:
  case HELD_SCALAR:
  case HELD_SMALL:
  case HELD_OWN:
  case HELD_QUERY: // errors
  case HELD_NOTHING:
    return held_unknown;
  default:
    w->search->found->anything = true;
    found_sharing(w->search, "calls a function that cannot be known");
    return held_unknown;
  }
}

// A: the function; arguments behind it, `count` of them or up to the end of the frame.
void
call_at(struct walk *w, unsigned a, unsigned count, bool more, unsigned results)
{
  unsigned first = a + (w->code->wide_frames ? 2 : 1);
  if (more)
    count = w->code->frame > first ? w->code->frame - first : 0; // what was there counts as well
  if (first + count > w->width - 1)
    count = first < w->width - 1 ? w->width - 1 - first : 0;
  struct register_value callee = w->now[a], state = count > 0 ? w->now[first] : held_scalar;
  struct register_value result = purity_calls_call_value(w, &callee, &w->now[first], count);
  set_registers(w, a, results == 0 ? w->code->frame : a + results - 2u, result);
  if (results > 0) // what was called, and with what, is gone
    set_registers(w, a + results - 1u, w->code->frame, held_scalar);
  if (result.held == HELD_ITERATOR && results > 2) { // a generator, what it goes over, where it is
    set_register(w, a + 1, state);
    set_register(w, a + 2, held_scalar);
  }
}

void
iterate_at(struct walk *w, unsigned a, unsigned results)
{
  const struct register_value *generator = &w->now[a - 3], *over = &w->now[a - 2];
  struct register_value result = held_unknown;
  bool next = false;
  if (generator->held == HELD_KNOWN) {
    push_known(w->search, generator);
    const char *path = library_find(w->search->lua, -1).path;
    next = path != NULL && strcmp(path, "next") == 0;
    lua_pop(w->search->lua, 1);
  }
  if (generator->held != HELD_ITERATOR && !next)
    purity_calls_call_value(w, generator, over, 2);
  else if (over->held == HELD_KNOWN) {
    push_known(w->search, over);
    note_members(w->search, lua_gettop(w->search->lua));
    lua_pop(w->search->lua, 1);
  }
  if ((generator->held == HELD_ITERATOR || next) && (over->held == HELD_KNOWN || over->held == HELD_REACHED))
    result = (struct register_value){.held = HELD_REACHED};
  set_registers(w, a, a + results - 2u, result);
}
