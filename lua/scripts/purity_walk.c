// SPDX-License-Identifier: BSD-2-Clause
// Following instructions: each leaves something in the registers of those behind it, until nothing changes any more.
#include "lua/scripts/purity_private.h"

#include "dnsproxy/base/memory.h"
#include "lua/binder/classes.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// ==== registers: where paths of a function meet, and when they are set ====

const struct register_value held_scalar = {.held = HELD_SCALAR}, held_unknown = {.held = HELD_UNKNOWN},
                            held_object = {.held = HELD_OBJECT};

static bool
purity_walk_same_value(const struct register_value *a, const struct register_value *b)
{
  return a->held == b->held && a->index == b->index && a->name == b->name && a->class == b->class && a->code == b->code && a->reached == b->reached &&
         (a->held != HELD_SMALL || a->number == b->number);
}

bool
is_scalar(const struct register_value *v)
{
  return v->held == HELD_SCALAR || v->held == HELD_SMALL;
}

struct register_value
join_values(struct register_value a, struct register_value b)
{
  if (a.held == HELD_NOTHING || purity_walk_same_value(&a, &b))
    return b;
  if (b.held == HELD_NOTHING || a.held == HELD_VOLATILE)
    return a;
  if (b.held == HELD_VOLATILE)
    return b;
  if (is_scalar(&a) && is_scalar(&b))
    return held_scalar;
  // What is no table, function or handle does no harm: using it as one is an error.
  if (is_scalar(&a))
    return b;
  if (is_scalar(&b))
    return a;
  if (a.held == HELD_OWN && b.held == HELD_OWN)
    return (struct register_value){.held = HELD_OWN}; // made at different places
  return a.held == b.held && a.held != HELD_KNOWN && a.held != HELD_MEMBER ? a : held_unknown;
}

// Where it goes cannot be followed: it may be what is called out of a table.
void
note_kept(struct walk *w, const struct register_value *v)
{
  if (v->held != HELD_KNOWN)
    return;
  push_known(w->search, v);
  w->search->keeps_library |= is_dangerous(w->search, lua_gettop(w->search->lua));
  lua_pop(w->search->lua, 1);
}

void
flow_to(struct walk *w, unsigned to)
{
  if (to >= w->code->size)
    return;
  struct register_value *row = &w->states[(size_t)to * w->width];
  bool changed = false;
  for (unsigned r = 0; r < w->width - 1; r++) {
    struct register_value joined = join_values(row[r], w->now[r]);
    if (joined.held == HELD_UNKNOWN) {
      note_kept(w, &row[r]);
      note_kept(w, &w->now[r]);
    }
    if (!purity_walk_same_value(&joined, &row[r])) {
      row[r] = joined;
      changed = true;
    }
  }
  if (changed || row[w->width - 1].held == HELD_NOTHING) {
    row[w->width - 1] = held_scalar;
    w->waiting[to] = true;
  }
}

void
set_register(struct walk *w, unsigned reg, struct register_value v)
{
  if (reg < w->width - 1 && w->now[reg].held != HELD_VOLATILE)
    w->now[reg] = v;
}

void
set_registers(struct walk *w, unsigned first, unsigned last, struct register_value v)
{
  for (unsigned r = first; r <= last && r < w->width - 1; r++)
    set_register(w, r, v);
}

// ==== loops that may go on for ever: without a bound in sight, or over tables that they make longer ====

void
note_endless(struct walk *w)
{
  w->search->found->endless = true;
  for (const struct surroundings *s = w->around; s != NULL; s = s->outer)
    if (s->function != 0)
      places_add(&w->search->found->loops, (struct place){PLACE_VALUE, lua_topointer(w->search->lua, s->function)});
}

void
begin_numeric_loop(struct walk *w, unsigned a, unsigned pc)
{
  enum { TURNS_MAX = 2000000 };
  const struct register_value *from = &w->now[a];
  if (from[0].held != HELD_SMALL || from[1].held != HELD_SMALL || from[2].held != HELD_SMALL || from[2].number == 0 ||
      (from[1].number - from[0].number) / from[2].number > TURNS_MAX || bytecode_runs_long(w->code, pc))
    note_endless(w);
  set_registers(w, a, a + 3, held_scalar);
}

// ---- loops over tables that grow ----

static bool
purity_walk_may_be_same(const struct register_value *a, const struct register_value *b)
{
  if (is_scalar(a) || is_scalar(b))
    return false;
  if (a->held == HELD_OWN || b->held == HELD_OWN)
    return a->held == b->held && (a->index == b->index || a->index == 0 || b->index == 0);
  return a->held != HELD_KNOWN || b->held != HELD_KNOWN || a->index == b->index;
}

static bool
purity_walk_inserts(struct walk *w, const struct register_value *callee)
{
  if (callee->held != HELD_KNOWN)
    return false;
  push_known(w->search, callee);
  const char *path = library_find(w->search->lua, -1).path;
  lua_pop(w->search->lua, 1);
  return path != NULL && strcmp(path, "table.insert") == 0;
}

// Does the instruction put something that is new into the table?
static bool
purity_walk_grows(struct walk *w, unsigned pc, const struct register_value *table)
{
  uint32_t i = w->code->code[pc];
  const struct register_value *row = &w->states[(size_t)pc * w->width];
  unsigned a = bytecode_a(i), b = bytecode_b(i);
  switch (bytecode_op(i)) {
  case BYTECODE_TSETV:
  case BYTECODE_TSETR:
    return b < w->width - 1 && purity_walk_may_be_same(&row[b], table);
  case BYTECODE_CALL:
  case BYTECODE_CALLM:
    a = a < w->width - 4 ? a : w->width - 4;
    return purity_walk_inserts(w, &row[a]) && purity_walk_may_be_same(&row[a + (w->code->wide_frames ? 2 : 1)], table);
  default:
    return false;
  }
}

// pc: of the end of a loop over a table.
static bool
purity_walk_feeds_itself(struct walk *w, unsigned pc)
{
  uint32_t i = w->code->code[pc];
  int first = (int)pc + 1 + bytecode_jump(i);
  unsigned a = bytecode_a(i);
  if (first < 0 || a < 2 || a >= w->width)
    return false;
  struct register_value over = w->states[(size_t)pc * w->width + a - 2];
  for (unsigned at = (unsigned)first; at < pc; at++)
    if (purity_walk_grows(w, at, &over))
      return true;
  return false;
}

void
look_at_loops(struct walk *w)
{
  for (unsigned pc = 0; pc < w->code->size; pc++) {
    enum bytecode_op op = bytecode_op(w->code->code[pc]);
    if ((op == BYTECODE_ITERL || op == BYTECODE_IITERL) && purity_walk_feeds_itself(w, pc))
      note_endless(w);
  }
}

// ==== what instructions read and write outside of their registers: globals, upvalues, tables ====

// ---- globals and upvalues ----

// Lua keeps one copy of a text: it is held for good, so that its address stays its own.
struct place
global_place(struct search *s, const char *name)
{
  lua_pushstring(s->lua, name);
  lua_pushvalue(s->lua, -1);
  struct place place = {PLACE_GLOBAL, lua_tostring(s->lua, -1)};
  lua_pushboolean(s->lua, 1);
  lua_rawset(s->lua, LUA_REGISTRYINDEX);
  lua_pop(s->lua, 1);
  return place;
}

struct register_value
read_global(struct walk *w, const char *name)
{
  struct search *s = w->search;
  lua_pushstring(s->lua, name);
  lua_rawget(s->lua, LUA_GLOBALSINDEX);
  struct place place = global_place(s, name);
  places_add(&s->found->globals, place);
  if (lua_rawequal(s->lua, -1, LUA_GLOBALSINDEX))
    found_sharing(s, "reaches all globals through '%s'", name);
  if (library_find(s->lua, -1).kind == LIBRARY_TABLE) {
    reach_library(s, lua_gettop(s->lua));
  } else if (library_find(s->lua, -1).kind == LIBRARY_UNKNOWN) {
    places_add(&s->found->reads, place);
    if (!lua_rawequal(s->lua, -1, LUA_GLOBALSINDEX))
      reach_value(s, lua_gettop(s->lua));
  }
  struct register_value v = is_volatile(s, place) ? held_unknown : value_at(s, -1);
  lua_pop(s->lua, 1);
  return v;
}

// The upvalue of an inner function: followed outwards. *own: a variable of the call itself.
static struct register_value
purity_walk_upvalue(struct walk *w, const struct surroundings *around, const struct bytecode *code, unsigned i, bool *own,
                    struct place *place)
{
  struct search *s = w->search;
  *own = false;
  if (around->function != 0) {
    const char *name = lua_getupvalue(s->lua, around->function, (int)i + 1);
    if (name == NULL)
      return held_unknown;
    *place = (struct place){PLACE_UPVALUE, lua_upvalueid(s->lua, around->function, (int)i + 1)};
    struct register_value v = value_at(s, -1);
    lua_pop(s->lua, 1);
    return v;
  }
  if (i >= code->upvalue_count || around->outer == NULL)
    return held_unknown;
  uint16_t u = code->upvalues[i];
  if (!(u & UPVALUE_LOCAL))
    return purity_walk_upvalue(w, around->outer, around->outer->code, u & UPVALUE_INDEX, own, place);
  *own = true;
  unsigned reg = u & 0xff;
  return (u & UPVALUE_IMMUTABLE) && around->captured != NULL ? around->captured[reg] : held_unknown;
}

struct register_value
read_upvalue(struct walk *w, unsigned i)
{
  struct place place;
  bool own;
  struct register_value v = purity_walk_upvalue(w, w->around, w->code, i, &own, &place);
  if (own || v.held == HELD_UNKNOWN)
    return v;
  places_add(&w->search->found->reads, place);
  return is_volatile(w->search, place) ? held_unknown : v;
}

void
write_upvalue(struct walk *w, unsigned i)
{
  struct place place;
  bool own;
  struct register_value v = purity_walk_upvalue(w, w->around, w->code, i, &own, &place);
  if (own)
    return;
  if (v.held == HELD_UNKNOWN)
    w->search->found->anything = true;
  else
    found_writing(w->search, place);
  found_sharing(w->search, "writes a variable of the file around it");
}

// ---- tables ----

static struct register_value
purity_walk_known_member(struct search *s, const struct register_value *v, const char *name)
{
  push_known(s, v);
  struct register_value member = held_unknown;
  const struct lua_class *class = binder_class_at(s->lua, -1);
  if (class != NULL) {
    reach_value(s, lua_gettop(s->lua));
    member = (struct register_value){.held = HELD_MEMBER, .name = name, .class = class};
  } else if (lua_istable(s->lua, -1)) {
    bool library = library_find(s->lua, -1).kind == LIBRARY_TABLE;
    if (library)
      reach_library(s, lua_gettop(s->lua));
    else
      places_add(&s->found->reads, (struct place){PLACE_VALUE, lua_topointer(s->lua, -1)});
    if (lua_getmetatable(s->lua, -1)) {
      lua_pop(s->lua, 1);
      s->found->hidden = true;
      found_sharing(s, "reaches a table with a metatable");
    }
    struct place table = {PLACE_VALUE, lua_topointer(s->lua, -1)};
    lua_pushstring(s->lua, name);
    lua_rawget(s->lua, -2);
    member = is_volatile(s, table) ? held_unknown : value_at(s, -1);
    if (library && lua_istable(s->lua, -1) && library_find(s->lua, -1).kind != LIBRARY_TABLE)
      found_sharing(s, "reaches '%s' within a library", name); // package.loaded
    lua_pop(s->lua, 1);
  } else {
    found_sharing(s, "looks up '%s' in a %s", name, luaL_typename(s->lua, -1));
  }
  lua_pop(s->lua, 1);
  return member;
}

struct register_value
read_field(struct walk *w, const struct register_value *from, const char *name)
{
  if (from->held == HELD_KNOWN)
    return purity_walk_known_member(w->search, from, name);
  w->search->found->hidden |= from->held == HELD_UNKNOWN || from->held == HELD_VOLATILE; // it may have a metatable
  const struct lua_class *class = from->held == HELD_QUERY ? &class_question : NULL;
  bool reached = from->held == HELD_MEMBER ? from->reached : from->held != HELD_QUERY && from->held != HELD_OBJECT && !is_scalar(from);
  return (struct register_value){.held = HELD_MEMBER, .name = name, .class = class, .reached = reached};
}

// Of a library: which of its functions may be meant?
void
note_members(struct search *s, int table)
{
  if (library_find(s->lua, table).kind != LIBRARY_TABLE)
    return;
  for (lua_pushnil(s->lua); lua_next(s->lua, table) != 0; lua_pop(s->lua, 1))
    s->keeps_library |= lua_istable(s->lua, -1) || is_dangerous(s, lua_gettop(s->lua));
}

struct register_value
read_computed(struct walk *w, const struct register_value *from)
{
  struct search *s = w->search;
  if (from->held == HELD_KNOWN) {
    push_known(s, from);
    bool table = lua_istable(s->lua, -1);
    bool changes = is_volatile(s, (struct place){PLACE_VALUE, lua_topointer(s->lua, -1)});
    reach_value(s, lua_gettop(s->lua));
    note_members(s, lua_gettop(s->lua));
    lua_pop(s->lua, 1);
    return table && !changes ? (struct register_value){.held = HELD_REACHED} : held_unknown;
  }
  s->found->hidden |= from->held == HELD_UNKNOWN || from->held == HELD_VOLATILE; // it may have a metatable
  return held_unknown;
}

void
write_field(struct walk *w, const struct register_value *into, const char *name)
{
  struct search *s = w->search;
  if (into->held == HELD_OWN || is_scalar(into) || (into->held == HELD_QUERY && name != NULL))
    return;
  if (into->held == HELD_KNOWN) {
    push_known(s, into);
    if (!lua_rawequal(s->lua, -1, LUA_GLOBALSINDEX))
      found_writing(s, (struct place){PLACE_VALUE, lua_topointer(s->lua, -1)});
    else if (name != NULL)
      found_writing(s, global_place(s, name));
    else
      s->found->anything = true;
    lua_pop(s->lua, 1);
  } else {
    s->found->anything = true;
  }
  found_sharing(s, name == NULL ? "writes into a table that it did not make" : "writes '%s' into a table that it did not make", name);
}

// ==== following ====

// ---- inner functions ----

static void purity_walk_code(struct search *, const struct bytecode *, const struct surroundings *, uint32_t queries);

// May the function, or one within it, write its upvalue?
static bool
purity_walk_writes_upvalue(const struct bytecode *code, unsigned number)
{
  for (unsigned pc = 0; pc < code->size; pc++) {
    uint32_t i = code->code[pc];
    switch (bytecode_op(i)) {
    case BYTECODE_USETV:
    case BYTECODE_USETS:
    case BYTECODE_USETN:
    case BYTECODE_USETP:
      if (bytecode_a(i) == number)
        return true;
      break;
    case BYTECODE_FNEW: {
      unsigned d = bytecode_d(i);
      if (d >= code->constant_count || code->constants[d].kind != CONSTANT_FUNCTION)
        return true;
      const struct bytecode *inner = code->constants[d].function;
      for (unsigned k = 0; k < inner->upvalue_count; k++)
        if (!(inner->upvalues[k] & UPVALUE_LOCAL) && (inner->upvalues[k] & UPVALUE_INDEX) == number &&
            purity_walk_writes_upvalue(inner, k))
          return true;
      break;
    }
    default:
      break;
    }
  }
  return false;
}

// Variables that it writes may change with every call from here on.
static void
purity_walk_note_captures(struct walk *w, const struct bytecode *inner)
{
  for (unsigned k = 0; k < inner->upvalue_count; k++) {
    unsigned reg = inner->upvalues[k] & 0xff;
    if (!(inner->upvalues[k] & UPVALUE_LOCAL) || reg >= w->width - 1 || !purity_walk_writes_upvalue(inner, k))
      continue;
    note_kept(w, &w->now[reg]);
    w->now[reg] = (struct register_value){.held = HELD_VOLATILE};
  }
}

static void
purity_walk_end_captures(struct walk *w, unsigned first)
{
  for (unsigned r = first; r < w->width - 1; r++)
    if (w->now[r].held == HELD_VOLATILE)
      w->now[r] = held_unknown;
}

static void
purity_walk_make_closure(struct walk *w, unsigned a, unsigned d)
{
  if (d >= w->code->constant_count || w->code->constants[d].kind != CONSTANT_FUNCTION)
    return;
  struct surroundings around = *w->around;
  around.code = w->code;
  struct surroundings inner = {.outer = &around, .captured = w->now, .code = w->code->constants[d].function};
  set_register(w, a, (struct register_value){.held = HELD_CLOSURE, .code = inner.code}); // it may capture itself
  if (w->search->depth < DEPTH_MAX) {
    w->search->depth++;
    purity_walk_code(w->search, inner.code, &inner, 0);
    w->search->depth--;
  } else {
    found_sharing(w->search, "has functions within each other too deeply");
  }
  purity_walk_note_captures(w, inner.code);
}

// ---- one instruction ----

static const char *
purity_walk_string_constant(const struct walk *w, unsigned d)
{
  return d < w->code->constant_count && w->code->constants[d].kind == CONSTANT_STRING ? w->code->constants[d].string : "?";
}

// True: the instruction behind follows.
static bool
purity_walk_step(struct walk *w, unsigned pc, uint32_t i)
{
  unsigned a = bytecode_a(i), b = bytecode_b(i), c = bytecode_c(i), d = bytecode_d(i);
  unsigned target = (unsigned)((int)pc + 1 + bytecode_jump(i));
  switch (bytecode_op(i)) {
  case BYTECODE_MOV: {
    struct register_value from = w->now[d < w->width ? d : 0];
    set_register(w, a, from.held == HELD_VOLATILE ? held_unknown : from);
    return true;
  }
  case BYTECODE_KSHORT:
    set_register(w, a, (struct register_value){.held = HELD_SMALL, .number = (int16_t)d});
    return true;
  case BYTECODE_KNUM: {
    double n = d < w->code->number_count ? w->code->numbers[d] : INFINITY;
    set_register(w, a, fabs(n) <= 1e6 ? (struct register_value){.held = HELD_SMALL, .number = n} : held_scalar);
    return true;
  }
  case BYTECODE_LEN:
    set_register(w, a, (struct register_value){.held = HELD_SMALL, .number = 1});
    return true;
  case BYTECODE_KSTR:
  case BYTECODE_KPRI:
  case BYTECODE_KCDATA:
    set_register(w, a, held_scalar);
    return true;
  case BYTECODE_KNIL:
    set_registers(w, a, d, held_scalar);
    return true;
  case BYTECODE_UGET:
    set_register(w, a, read_upvalue(w, d));
    return true;
  case BYTECODE_USETV:
  case BYTECODE_USETS:
  case BYTECODE_USETN:
  case BYTECODE_USETP:
    write_upvalue(w, a);
    return true;
  case BYTECODE_FNEW:
    purity_walk_make_closure(w, a, d);
    return true;
  case BYTECODE_TNEW:
  case BYTECODE_TDUP:
    set_register(w, a, (struct register_value){.held = HELD_OWN, .index = (int)pc + 1});
    return true;
  case BYTECODE_GGET:
    set_register(w, a, read_global(w, purity_walk_string_constant(w, d)));
    return true;
  case BYTECODE_GSET:
    found_writing(w->search, global_place(w->search, purity_walk_string_constant(w, d)));
    found_sharing(w->search, "writes global '%s'", purity_walk_string_constant(w, d));
    return true;
  case BYTECODE_TGETS: {
    struct register_value from = w->now[b];
    set_register(w, a, read_field(w, &from, purity_walk_string_constant(w, c)));
    return true;
  }
  case BYTECODE_TGETV:
  case BYTECODE_TGETB:
  case BYTECODE_TGETR: {
    struct register_value from = w->now[b];
    set_register(w, a, read_computed(w, &from));
    return true;
  }
  case BYTECODE_TSETS:
    note_kept(w, &w->now[a]);
    write_field(w, &w->now[b], purity_walk_string_constant(w, c));
    return true;
  case BYTECODE_TSETV:
  case BYTECODE_TSETB:
  case BYTECODE_TSETR:
    note_kept(w, &w->now[a]);
    write_field(w, &w->now[b], NULL);
    return true;
  case BYTECODE_TSETM:
    write_field(w, &w->now[a > 0 ? a - 1 : 0], NULL);
    return true;
  case BYTECODE_CALL:
    call_at(w, a, c > 0 ? c - 1 : 0, false, b);
    return true;
  case BYTECODE_CALLM:
    call_at(w, a, c, true, b);
    return true;
  case BYTECODE_CALLT:
    call_at(w, a, d > 0 ? d - 1 : 0, false, 0);
    return false;
  case BYTECODE_CALLMT:
    call_at(w, a, d, true, 0);
    return false;
  case BYTECODE_ITERC:
  case BYTECODE_ITERN:
    iterate_at(w, a, b);
    return true;
  case BYTECODE_VARG:
    set_registers(w, a, b == 0 ? w->code->frame : a + b - 2u, held_unknown);
    return true;
  case BYTECODE_FORI:
  case BYTECODE_JFORI:
    begin_numeric_loop(w, a, pc);
    flow_to(w, target);
    return true;
  case BYTECODE_FORL:
  case BYTECODE_IFORL:
  case BYTECODE_JFORL:
  case BYTECODE_ITERL:
  case BYTECODE_IITERL:
  case BYTECODE_JITERL:
    if (bytecode_op(i) == BYTECODE_ITERL || bytecode_op(i) == BYTECODE_IITERL || bytecode_op(i) == BYTECODE_JITERL)
      set_register(w, a - 1, w->now[a]);
    flow_to(w, target);
    return true;
  case BYTECODE_LOOP:
  case BYTECODE_ILOOP:
  case BYTECODE_JLOOP:
    note_endless(w);
    return true;
  case BYTECODE_JMP:
  case BYTECODE_UCLO:
  case BYTECODE_ISNEXT:
    if (target <= pc) // a goto out of a block has no LOOP where it leads
      note_endless(w);
    if (bytecode_op(i) == BYTECODE_UCLO)
      purity_walk_end_captures(w, a);
    flow_to(w, target);
    return false;
  case BYTECODE_RET:
  case BYTECODE_RETM:
  case BYTECODE_RET0:
  case BYTECODE_RET1:
    return false;
  case BYTECODE_ISTC:
  case BYTECODE_ISFC:
    note_kept(w, &w->now[a]);
    set_register(w, a, join_values(w->now[a], w->now[d < w->width ? d : 0]));
    flow_to(w, pc + 2);
    return true;
  case BYTECODE_ISLT:
  case BYTECODE_ISGE:
  case BYTECODE_ISLE:
  case BYTECODE_ISGT:
  case BYTECODE_ISEQV:
  case BYTECODE_ISNEV:
  case BYTECODE_ISEQS:
  case BYTECODE_ISNES:
  case BYTECODE_ISEQN:
  case BYTECODE_ISNEN:
  case BYTECODE_ISEQP:
  case BYTECODE_ISNEP:
  case BYTECODE_IST:
  case BYTECODE_ISF:
    flow_to(w, pc + 2);
    return true;
  case BYTECODE_ISTYPE:
  case BYTECODE_ISNUM:
    return true;
  case BYTECODE_OTHER: // arithmetic and the like, on what has no metamethods of a user's
    set_register(w, a, held_scalar);
    return true;
  }
  return true;
}

// ---- a function ----

static void
purity_walk_code(struct search *s, const struct bytecode *code, const struct surroundings *around, uint32_t queries)
{
  struct walk w = {.search = s, .code = code, .around = around};
  if (!lua_checkstack(s->lua, 16)) {
    found_sharing(s, "is too large to be followed");
    return;
  }
  w.width = REGISTERS < code->frame + 4u ? REGISTERS : code->frame + 4u;
  w.states = memory_array((size_t)code->size + 1, w.width * sizeof *w.states);
  w.waiting = memory_array((size_t)code->size + 1, sizeof *w.waiting);
  struct register_value row[REGISTERS] = {0};
  w.now = row;
  for (unsigned r = 0; r < code->frame; r++)
    row[r] = r >= code->params ? held_scalar : r < 32 && (queries & 1u << r) ? (struct register_value){.held = HELD_QUERY} : held_unknown;
  flow_to(&w, 0);
  for (bool again = true; again;) {
    again = false;
    for (unsigned pc = 0; pc < code->size; pc++) {
      if (!w.waiting[pc])
        continue;
      w.waiting[pc] = false;
      again = true;
      memcpy(row, &w.states[(size_t)pc * w.width], w.width * sizeof *row);
      if (purity_walk_step(&w, pc, code->code[pc]))
        flow_to(&w, pc + 1);
    }
  }
  look_at_loops(&w);
  free(w.states);
  free(w.waiting);
}

// False: it was, or is being, walked with the same arguments.
static bool
purity_walk_begin_visit(struct search *s, const void *function, uint32_t queries, size_t *visit)
{
  for (size_t i = 0; i < s->visit_count; i++)
    if (s->visits[i].function == function) {
      if (s->visits[i].under_way) { // recursion
        s->found->endless = true;
        places_add(&s->found->loops, (struct place){PLACE_VALUE, function});
      }
      if (s->visits[i].queries == queries)
        return false;
    }
  s->visits = memory_resize(s->visits, s->visit_count + 1, sizeof *s->visits);
  s->visits[s->visit_count] = (struct visit){.function = function, .queries = queries, .under_way = true};
  *visit = s->visit_count++;
  return true;
}

void
walk_function(struct search *s, int index, uint32_t queries)
{
  lua_State *lua = s->lua;
  size_t visit;
  if (!purity_walk_begin_visit(s, lua_topointer(lua, index), queries, &visit))
    return;
  lua_getfenv(lua, index);
  bool usual = lua_rawequal(lua, -1, LUA_GLOBALSINDEX);
  lua_pop(lua, 1);
  struct bytecode *code = s->depth < DEPTH_MAX ? bytecode_read(lua, index) : NULL;
  if (code == NULL || !usual) {
    s->found->anything = true;
    s->found->endless = true;
    found_sharing(s, usual ? "cannot be followed" : "has an environment of its own");
  } else {
    s->depth++;
    purity_walk_code(s, code, &(struct surroundings){.function = index, .code = code}, queries);
    // What it is copied with goes along, used or not.
    for (int i = 1; lua_getupvalue(lua, index, i) != NULL; i++) {
      reach_value(s, lua_gettop(lua));
      lua_pop(lua, 1);
    }
    s->depth--;
  }
  bytecode_free(&code);
  s->visits[visit].under_way = false;
}
