// SPDX-License-Identifier: BSD-2-Clause
// From a declaration to a Lua function: arguments checked and converted by its rows, results pushed, errors raised in
// the dialect's shapes (errors.md).
//
// Thread: whoever holds the Lua lock. TO ADD A FUNCTION: write one struct lua_function beside its code in a
// bind_*.c, with its rows; list the array in functions.c.
#ifndef LUA_BINDER_H
#define LUA_BINDER_H

#include "dnsproxy/base/fault.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/param.h"
#include "dnsproxy/base/text.h"

#include <lua.h>

struct lua_class;
struct lua_function;

// One call: what the C side of a function sees.
struct call {
  lua_State *lua;
  const struct lua_function *function;
  const struct value *args; // in the order of the rows
  unsigned count;           // arguments written by the caller, the object before ':' not counted
  void *self;               // methods and attributes: the C object (counted) or the bytes of the value
  struct fault fault;
};

enum {
  FUNCTION_CONFIG_ONLY = 1,  // at run time: "<name> cannot be used at runtime!" and nothing happens
  FUNCTION_NO_EFFECT = 2,    // declared free of side effects: not listed by delta()
  FUNCTION_VARIADIC = 4,     // argument count is not checked against the rows
  FUNCTION_HIDDEN = 8,       // not in help() and completion (legacy spellings)
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
  const char *name, *type, *help;
  int (*get)(struct call *);           // pushes one value
  int (*set)(struct call *, int stack); // value at `stack`; 0, or -1 with fault. NULL: read-only, assignment ignored
};

// A type that scripts see. Counted objects: userdata holds a reference. Values: userdata holds `size` bytes.
struct lua_class {
  const char *name, *help;
  const struct object_class *object; // NULL: a value
  size_t size;                       // of a value
  const struct lua_function *methods; // closed by a NULL name
  const struct lua_attribute *attributes;
  int (*tostring)(struct call *);    // NULL: "userdata: 0x..."
  int (*equal)(struct call *, void *other);
};

void binder_open(lua_State *);                                      // registers all functions, classes and constants
void binder_push_object(lua_State *, void *object);                 // a new handle; takes a reference of its own; NULL pushes nil
void *binder_push_value(lua_State *, const struct lua_class *);     // a new value, zeroed, to be filled
void *binder_test(lua_State *, int index, const struct lua_class *); // the object or value at index; NULL if it is not one
int binder_raise(lua_State *, const struct fault *);                // does not return

// Text that show...() functions append to: the console's answer (print to stdout while loading).
struct text *binder_output(void);

// Everything declared, for help(), completion, --describe.
void binder_each_function(void (*visit)(const struct lua_function *, void *), void *arg);
void binder_each_class(void (*visit)(const struct lua_class *, void *), void *arg);

#endif
