// SPDX-License-Identifier: BSD-2-Clause
// Following instructions: each leaves something in the registers of those behind it, until nothing changes any more.
#include "lua/scripts/purity_walk.h"

#include "dnsproxy/base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- inner functions ----

static void walk_code(struct search *, const struct bytecode *, const struct surroundings *, uint32_t queries);

// May the function, or one within it, write its upvalue?
static bool
writes_upvalue(const struct bytecode *code, unsigned number)
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
        if (!(inner->upvalues[k] & UPVALUE_LOCAL) && (inner->upvalues[k] & UPVALUE_INDEX) == number && writes_upvalue(inner, k))
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
note_captures(struct walk *w, const struct bytecode *inner)
{
  for (unsigned k = 0; k < inner->upvalue_count; k++) {
    unsigned reg = inner->upvalues[k] & 0xff;
    if (!(inner->upvalues[k] & UPVALUE_LOCAL) || reg >= w->width - 1 || !writes_upvalue(inner, k))
      continue;
    note_kept(w, &w->now[reg]);
    w->now[reg] = (struct register_value){.held = HELD_VOLATILE};
  }
}

static void
end_captures(struct walk *w, unsigned first)
{
  for (unsigned r = first; r < w->width - 1; r++)
    if (w->now[r].held == HELD_VOLATILE)
      w->now[r] = held_unknown;
}

static void
make_closure(struct walk *w, unsigned a, unsigned d)
{
  if (d >= w->code->constant_count || w->code->constants[d].kind != CONSTANT_FUNCTION)
    return;
  struct surroundings around = *w->around;
  around.code = w->code;
  struct surroundings inner = {.outer = &around, .captured = w->now, .code = w->code->constants[d].function};
  set_register(w, a, (struct register_value){.held = HELD_CLOSURE, .code = inner.code}); // it may capture itself
  if (w->search->depth < DEPTH_MAX) {
    w->search->depth++;
    walk_code(w->search, inner.code, &inner, 0);
    w->search->depth--;
  } else {
    found_sharing(w->search, "has functions within each other too deeply");
  }
  note_captures(w, inner.code);
}

// ---- one instruction ----

static const char *
string_constant(const struct walk *w, unsigned d)
{
  return d < w->code->constant_count && w->code->constants[d].kind == CONSTANT_STRING ? w->code->constants[d].string : "?";
}

// True: the instruction behind follows.
static bool
step(struct walk *w, unsigned pc, uint32_t i)
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
    make_closure(w, a, d);
    return true;
  case BYTECODE_TNEW:
  case BYTECODE_TDUP:
    set_register(w, a, (struct register_value){.held = HELD_OWN, .index = (int)pc + 1});
    return true;
  case BYTECODE_GGET:
    set_register(w, a, read_global(w, string_constant(w, d)));
    return true;
  case BYTECODE_GSET:
    found_writing(w->search, global_place(w->search, string_constant(w, d)));
    found_sharing(w->search, "writes global '%s'", string_constant(w, d));
    return true;
  case BYTECODE_TGETS: {
    struct register_value from = w->now[b];
    set_register(w, a, read_field(w, &from, string_constant(w, c)));
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
    write_field(w, &w->now[b], string_constant(w, c));
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
      end_captures(w, a);
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
walk_code(struct search *s, const struct bytecode *code, const struct surroundings *around, uint32_t queries)
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
      if (step(&w, pc, code->code[pc]))
        flow_to(&w, pc + 1);
    }
  }
  look_at_loops(&w);
  free(w.states);
  free(w.waiting);
}

// False: it was, or is being, walked with the same arguments.
static bool
begin_visit(struct search *s, const void *function, uint32_t queries, size_t *visit)
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
  if (!begin_visit(s, lua_topointer(lua, index), queries, &visit))
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
    walk_code(s, code, &(struct surroundings){.function = index, .code = code}, queries);
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
