// SPDX-License-Identifier: BSD-2-Clause
// What registers hold where paths of a function meet, and when they are set.
#include "lua/scripts/purity_walk.h"

const struct register_value held_scalar = {.held = HELD_SCALAR}, held_unknown = {.held = HELD_UNKNOWN},
                            held_object = {.held = HELD_OBJECT};

static bool
same_value(const struct register_value *a, const struct register_value *b)
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
  if (a.held == HELD_NOTHING || same_value(&a, &b))
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
    if (!same_value(&joined, &row[r])) {
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
