// SPDX-License-Identifier: BSD-2-Clause
// One function as it is followed: what purity_walk.c (instructions), purity_registers.c, purity_access.c, purity_calls.c and
// purity_loops.c share. Lua lock of the control state.
#ifndef LUA_SCRIPTS_PURITY_WALK_H
#define LUA_SCRIPTS_PURITY_WALK_H

#include "lua/scripts/purity_private.h"

struct walk {
  struct search *search;
  const struct bytecode *code;
  const struct surroundings *around;
  unsigned width;                // registers in a row, and one that says whether it was reached
  struct register_value *states; // one row per instruction
  bool *waiting;                 // instructions whose row changed
  struct register_value *now;    // the row that is being worked on
};

extern const struct register_value held_scalar, held_unknown, held_object;

// purity_registers.c
bool is_scalar(const struct register_value *);
struct register_value join_values(struct register_value, struct register_value); // what holds for both
void flow_to(struct walk *, unsigned pc);                                        // the row that is worked on goes on there
void set_register(struct walk *, unsigned reg, struct register_value);
void set_registers(struct walk *, unsigned first, unsigned last, struct register_value);
void note_kept(struct walk *, const struct register_value *); // it goes where nobody follows it

// purity_access.c
struct place global_place(struct search *, const char *name);
struct register_value read_global(struct walk *, const char *name);
struct register_value read_upvalue(struct walk *, unsigned number);
void write_upvalue(struct walk *, unsigned number);
struct register_value read_field(struct walk *, const struct register_value *from, const char *name);
struct register_value read_computed(struct walk *, const struct register_value *from); // any of its fields
void write_field(struct walk *, const struct register_value *into, const char *name);  // NULL: any
void note_members(struct search *, int table);                                         // any of them may be meant

// purity_loops.c
void note_endless(struct walk *);                               // the function may go on for ever
void begin_numeric_loop(struct walk *, unsigned a, unsigned pc); // its bounds are in the registers from a on
void look_at_loops(struct walk *);                              // over tables; once the rows have settled

// purity_calls.c
// a: register of the function; `count` arguments, or with `more` up to the end of the frame; results: how many and one, 0: all.
void call_at(struct walk *, unsigned a, unsigned count, bool more, unsigned results);
void iterate_at(struct walk *, unsigned a, unsigned results);

#endif
