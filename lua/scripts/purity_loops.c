// SPDX-License-Identifier: BSD-2-Clause
// Loops that may go on for ever: those without a bound in sight, and those over tables that they make longer.
#include "lua/scripts/purity_walk.h"

#include <string.h>

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
may_be_same(const struct register_value *a, const struct register_value *b)
{
  if (is_scalar(a) || is_scalar(b))
    return false;
  if (a->held == HELD_OWN || b->held == HELD_OWN)
    return a->held == b->held && (a->index == b->index || a->index == 0 || b->index == 0);
  return a->held != HELD_KNOWN || b->held != HELD_KNOWN || a->index == b->index;
}

static bool
inserts(struct walk *w, const struct register_value *callee)
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
grows(struct walk *w, unsigned pc, const struct register_value *table)
{
  uint32_t i = w->code->code[pc];
  const struct register_value *row = &w->states[(size_t)pc * w->width];
  unsigned a = bytecode_a(i), b = bytecode_b(i);
  switch (bytecode_op(i)) {
  case BYTECODE_TSETV:
  case BYTECODE_TSETR:
    return b < w->width - 1 && may_be_same(&row[b], table);
  case BYTECODE_CALL:
  case BYTECODE_CALLM:
    a = a < w->width - 4 ? a : w->width - 4;
    return inserts(w, &row[a]) && may_be_same(&row[a + (w->code->wide_frames ? 2 : 1)], table);
  default:
    return false;
  }
}

// pc: of the end of a loop over a table.
static bool
feeds_itself(struct walk *w, unsigned pc)
{
  uint32_t i = w->code->code[pc];
  int first = (int)pc + 1 + bytecode_jump(i);
  unsigned a = bytecode_a(i);
  if (first < 0 || a < 2 || a >= w->width)
    return false;
  struct register_value over = w->states[(size_t)pc * w->width + a - 2];
  for (unsigned at = (unsigned)first; at < pc; at++)
    if (grows(w, at, &over))
      return true;
  return false;
}

void
look_at_loops(struct walk *w)
{
  for (unsigned pc = 0; pc < w->code->size; pc++) {
    enum bytecode_op op = bytecode_op(w->code->code[pc]);
    if ((op == BYTECODE_ITERL || op == BYTECODE_IITERL) && feeds_itself(w, pc))
      note_endless(w);
  }
}
