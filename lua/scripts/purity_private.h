// SPDX-License-Identifier: BSD-2-Clause
// The pieces of purity: purity.c (places, values, closures), purity_walk.c (instructions), purity_calls.c (calls).
//
// A *search* follows one function and all that it may call. Each function is followed instruction by instruction with what
// its registers can hold (enum held): a walk keeps one row of registers per instruction, joins rows where paths meet, and
// goes on until nothing changes. What is found on the way goes into the search's struct purity. Lua lock throughout.
#ifndef LUA_SCRIPTS_PURITY_PRIVATE_H
#define LUA_SCRIPTS_PURITY_PRIVATE_H

#include "lua/scripts/bytecode.h"
#include "lua/binder/library.h"
#include "lua/scripts/purity.h"

// What a register can hold, as far as it matters.
enum held {
  HELD_NOTHING,  // not reached yet
  HELD_SMALL,    // a number that is known to be small: `number`
  HELD_SCALAR,   // a number, text, boolean or nil
  HELD_OWN,      // a table that the call made
  HELD_CLOSURE,  // a function that the call made: `code`
  HELD_QUERY,    // the dq or dr that the call was given
  HELD_OBJECT,   // what one of our functions gave
  HELD_KNOWN,    // exactly one value: `index` in the state's table of known values
  HELD_MEMBER,   // what a field of this name holds: `name`, of `class` if that is known
  HELD_REACHED,  // some value within what is reached: functions there are looked at on their own
  HELD_ITERATOR, // what pairs(), ipairs(), string.gmatch() gave
  HELD_UNKNOWN,
  HELD_VOLATILE, // of a variable that an inner function writes, from then on: like unknown
};
struct register_value {
  enum held held;
  double number;
  int index;
  const char *name;
  bool reached; // of a member: perhaps one of a value within what is reached
  const struct bytecode *code;
  const struct lua_class *class;
};

// Copies are compared, and may be written out, as often as Lua runs: large tables would cost more than the lock that they
// spare.
enum { REGISTERS = 256, DEPTH_MAX = 64, VALUES_MAX = 5000, VALUE_SIZE = 64 };

struct visit {
  const void *function; // Lua's address of it
  uint32_t queries;     // which arguments were the query
  bool under_way;
};

struct search {
  lua_State *lua;
  struct purity *found;
  int known; // stack index: table of known values, by number, which all searches of a look share
  struct visit *visits;
  size_t visit_count;
  struct places reached; // functions within what is reached, by their numbers: walked when such a one is called
  const struct places *volatile_places; // what the function itself writes: not known while it runs. NULL: none
  uint32_t calls[8]; // of reached functions: which arguments were the query
  unsigned call_count;
  bool keeps_library; // a function of a library that changes or calls things is where a call of `calls` may find it
  unsigned depth;
  size_t values; // looked at within tables
  bool cut;      // there were too many
  bool in_closure; // a table's insides are looked at, for all who reach it
};

// An inner function's surroundings.
struct surroundings {
  int function;                          // stack index of the closure whose upvalues these are; 0: an inner one's
  const struct surroundings *outer;      // of an inner function
  const struct register_value *captured; // its outer function's registers when it was made
  const struct bytecode *code;
};

// purity.c
void found_sharing(struct search *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reach_library(struct search *, int index); // a library that was changed cannot be copied
void found_writing(struct search *, struct place);
struct register_value value_at(struct search *, int index);         // of the value on the Lua stack
void push_known(struct search *, const struct register_value *);
void reach_value(struct search *, int index); // everything within it: plain data, functions, handles that can be copied
bool member_is_safe(const struct lua_class *, const char *name);      // class NULL: any that has it
bool is_volatile(const struct search *, struct place);
void note_reached(struct search *, int index);   // a function that may be called by what reaches it
void note_call(struct search *, uint32_t queries); // of one of them, no matter which
bool is_dangerous(struct search *, int index); // a function that is not of users, and more than pure

// purity_walk.c
// queries: bit i set when argument i is the query.
void walk_function(struct search *, int index, uint32_t queries);

// One function as it is followed.
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

// ---- purity_walk.c: registers ----

bool is_scalar(const struct register_value *);
struct register_value join_values(struct register_value, struct register_value); // what holds for both
void flow_to(struct walk *, unsigned pc);                                        // the row that is worked on goes on there
void set_register(struct walk *, unsigned reg, struct register_value);
void set_registers(struct walk *, unsigned first, unsigned last, struct register_value);
void note_kept(struct walk *, const struct register_value *); // it goes where nobody follows it

// ---- purity_walk.c: globals, upvalues, tables ----

struct place global_place(struct search *, const char *name);
struct register_value read_global(struct walk *, const char *name);
struct register_value read_upvalue(struct walk *, unsigned number);
void write_upvalue(struct walk *, unsigned number);
struct register_value read_field(struct walk *, const struct register_value *from, const char *name);
struct register_value read_computed(struct walk *, const struct register_value *from); // any of its fields
void write_field(struct walk *, const struct register_value *into, const char *name);  // NULL: any
void note_members(struct search *, int table);                                         // any of them may be meant

// ---- purity_walk.c: loops ----

void note_endless(struct walk *);                               // the function may go on for ever
void begin_numeric_loop(struct walk *, unsigned a, unsigned pc); // its bounds are in the registers from a on
void look_at_loops(struct walk *);                              // over tables; once the rows have settled

// ---- purity_calls.c ----

// a: register of the function; `count` arguments, or with `more` up to the end of the frame; results: how many and one, 0: all.
void call_at(struct walk *, unsigned a, unsigned count, bool more, unsigned results);
void iterate_at(struct walk *, unsigned a, unsigned results);

#endif
