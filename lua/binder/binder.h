// SPDX-License-Identifier: BSD-2-Clause
// From a declaration to a Lua function: arguments checked and converted by its rows, results pushed, errors raised in
// the dialect's shapes (errors.md).
//
//   struct lua_function, struct lua_class --binder_open()--> globals, metatables of a state
//   script calls f(a, b) --> the binder's one C function --> rows: struct value[] --> row.call(struct call *) --> results
//
// A function's code therefore begins with valid arguments and never raises an error itself: it sets the call's fault and
// returns -1, so that whatever it holds can be given back before the error jumps. Whatever takes memory of Lua happens
// behind errors_protect(). What a function is allowed for (before or after workers run, on the console, in copies) is in its
// row too.
//
// TO ADD A FUNCTION: write one struct lua_function beside its code in a bind_*.c, with its rows; list the array in
// lua/front/functions.c. TO ADD A TYPE: one struct lua_class in a class_*.c, likewise.
//
// Thread: whoever holds the Lua lock, or the worker whose state it is.
#ifndef LUA_BINDER_BINDER_H
#define LUA_BINDER_BINDER_H

#include "dnsproxy/base/fault.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/param.h"
#include "dnsproxy/base/text.h"

#include <lua.h>

struct lua_class;
struct lua_function;
struct netmask;
struct scratch; // lua/binder/scratch.h: memory and references that live as long as the call

enum { ARGUMENTS_MAX = 16 };

// One call: what the C side of a function sees. It may not raise Lua errors by itself: it returns -1 with a fault.
struct call {
  lua_State *lua;
  const struct lua_function *function; // of attributes: NULL
  const struct value *args; // in the order of the rows
  unsigned count;           // arguments written by the caller, the object before ':' not counted
  void *self;               // methods and attributes: the C object (counted) or the bytes of the value
  void **slot;              // where the handle keeps the object: for copy-on-write sets. NULL for values
  struct scratch *scratch;
  struct fault fault;
  bool moot; // an argument has no sense, and the call is to do nothing (lua/binder/sense.h)
};

// Rows written in place: PARAMS({.name = ...}, {...}).
#define PARAMS(...)                                                                                                    \
  (const struct param[])                                                                                               \
  {                                                                                                                    \
    __VA_ARGS__, {.type = PARAM_END}                                                                                   \
  }

enum {
  FUNCTION_CONFIG_ONLY = 1,  // at run time: "<name> cannot be used at runtime!" and nothing happens
  FUNCTION_CONFIG_RAISES = 32, // at run time: an error, "<name> cannot be used at runtime!"
  FUNCTION_NO_EFFECT = 2,    // declared free of side effects: not listed by delta()
  FUNCTION_VARIADIC = 4,     // the number of arguments is not checked against the rows
  FUNCTION_HIDDEN = 8,       // not in help() and completion (legacy spellings)
  FUNCTION_MAKES_RULE = 16,  // a selector that cannot be converted still uses up a creation order
  FUNCTION_SETTING = 128,    // a number without sense leaves things as they were: the call does nothing
  FUNCTION_ANY_THREAD = 64,  // may run without the Lua lock, in a state of any thread
};

struct lua_function {
  const char *name, *help;
  const struct param *params; // NULL: none
  const char *returns;        // type for annotations, NULL: nothing
  unsigned flags;
  // Pushes its results and returns their number; -1 with call->fault set raises.
  int (*call)(struct call *);
  const void *data;           // for functions made from rows (settings, chains, kinds)
};

struct lua_attribute {
  const char *name;
  enum param_type type; // what set() is given
  const char *words;    // type for annotations, when `type` does not say it
  const char *help;
  int64_t least, most; // bounds of sense of a number, as in struct param; both 0: none
  bool own; // set() itself refuses what is out of range
  enum param_outside outside;
  const char *why;
  int (*get)(struct call *);                       // pushes one value
  int (*set)(struct call *, const struct value *); // 0, or -1 with fault. NULL: read-only, assignment ignored
};

// A type that scripts see. Counted objects: userdata holds a reference. Values: userdata holds `size` bytes.
struct lua_class {
  const char *name, *help;
  const struct object_class *object; // NULL: a value
  size_t size;                       // of a value
  const struct lua_function *methods;     // closed by a NULL name; NULL: none
  const struct lua_attribute *attributes; // likewise
  int (*tostring)(struct call *);    // NULL: "userdata: 0x..."
  int (*equal)(struct call *, const void *other);
  const struct lua_function *call;   // the object called like a function; NULL: it cannot be
  void (*fini)(void *value);         // values: NULL when there is nothing to give back
};

void binder_open(lua_State *);                                      // registers all functions, classes and constants
void
binder_push_object(lua_State *, void *object); // a new handle; takes a reference of its own; NULL pushes nil
void *binder_push_value(lua_State *, const struct lua_class *);     // a new value, zeroed, to be filled
void *
binder_test(lua_State *, int index, const struct lua_class *); // the object or value at index; NULL if it is not one
const struct lua_class *binder_class_at(lua_State *, int index);    // NULL: not one of ours
int binder_raise(lua_State *, const struct fault *);                // does not return
// The fault's text if the value at index is an error object of ours; NULL otherwise.
const char *binder_error_text(lua_State *, int index);
bool binder_error_is_unknown_field(lua_State *, int index);

// Converts the value at `stack` as a row says: for functions whose arguments have several forms. False: fault is set.
bool call_read(struct call *, int stack, const struct param *, struct value *);
bool call_accepts(lua_State *, int stack, const struct param *); // would the type do?
// Wrong type at `stack`: sets the fault and returns -1.
int call_wrong_type(struct call *, int stack, const char *wanted);
// A netmask from text; a prefix longer than the address has bits, which counts as all of them, is told. False: fault is set.
bool call_netmask(struct call *, const char *text, struct netmask *);
int call_fault(struct call *, enum fault_kind, const char *format, ...) __attribute__((format(printf, 3, 4))); // -1
void *call_alloc(struct call *, size_t size); // zeroed, lives as long as the call
void *call_own(struct call *, void *object);  // unreferenced when the call ends; returns object

// On this thread a function runs for a query that is made up (explain()): what it would change for others stays as it is.
extern _Thread_local bool binder_dry;

// Text that show...() functions append to: the console's answer (printed to stdout after loading).
struct text *binder_output(void);
void binder_output_discard(bool on); // of this thread, while it runs a copy: it goes nowhere
// A refusal that does not raise: a line in the output and one in the log.
void binder_refuse(const char *function, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Was the sentence not asked about in this state before? For what is to be told once. False as well when there were many: a
// script that is made anew again and again must not fill memory.
bool binder_is_news(lua_State *, const char *sentence);
void binder_push_text(lua_State *, const struct text *);

// Everything declared, for help(), completion, --describe.
void binder_each_function(void (*visit)(const struct lua_function *, void *), void *arg);
void binder_each_class(void (*visit)(const struct lua_class *, void *), void *arg);
const char *param_type_word(enum param_type); // "string", "integer", ... as errors and annotations say

// What the commands since the last reset have called: for delta().
struct binder_effects {
  bool pure, changed;
};
extern _Thread_local struct binder_effects binder_effects;

#endif
