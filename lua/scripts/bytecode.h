// SPDX-License-Identifier: BSD-2-Clause
// A Lua function as LuaJIT compiled it: instructions, constants and what its inner functions capture, from lua_dump().
//
// Owner: the caller. Lua lock of the function's state for bytecode_read(). The layout is that of LuaJIT 2.1's dump format,
// version 2; instructions are known by the names in its jit.vmdef. Where either is missing nothing can be read, and
// functions are simply not understood.
#ifndef LUA_SCRIPTS_BYTECODE_H
#define LUA_SCRIPTS_BYTECODE_H

#include "dnsproxy/base/text.h"

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

// The instructions that mean something to whoever looks for effects; all others only compute.
#define BYTECODE_OPS(OP)                                                                                               \
  OP(MOV) OP(KSTR) OP(KCDATA) OP(KNIL) OP(UGET) OP(USETV) OP(USETS) OP(USETN) OP(USETP) OP(FNEW) OP(TNEW) OP(TDUP)     \
  OP(GGET) OP(GSET) OP(TGETV) OP(TGETS) OP(TGETB) OP(TGETR) OP(TSETV) OP(TSETS) OP(TSETB) OP(TSETM) OP(TSETR)          \
  OP(CALLM) OP(CALL) OP(CALLMT) OP(CALLT) OP(ITERC) OP(ITERN) OP(VARG) OP(ISNEXT) OP(RETM) OP(RET) OP(RET0) OP(RET1)   \
  OP(FORI) OP(JFORI) OP(FORL) OP(IFORL) OP(JFORL) OP(ITERL) OP(IITERL) OP(JITERL) OP(LOOP) OP(ILOOP) OP(JLOOP) OP(JMP) \
  OP(UCLO) OP(ISTC) OP(ISFC) OP(KSHORT) OP(KNUM) OP(KPRI) OP(LEN)                                                      \
  OP(ISLT) OP(ISGE) OP(ISLE) OP(ISGT) OP(ISEQV) OP(ISNEV) OP(ISEQS) OP(ISNES) OP(ISEQN) OP(ISNEN) OP(ISEQP) OP(ISNEP)  \
  OP(IST) OP(ISF) OP(ISTYPE) OP(ISNUM)

enum bytecode_op {
  BYTECODE_OTHER, // computes into its register A
#define OP(name) BYTECODE_##name,
  BYTECODE_OPS(OP)
#undef OP
};

struct bytecode_constant {
  enum { CONSTANT_FUNCTION, CONSTANT_STRING, CONSTANT_OTHER } kind;
  struct bytecode *function;
  const char *string; // NUL-terminated copy
  size_t size;
};

enum { UPVALUE_LOCAL = 0x8000, UPVALUE_IMMUTABLE = 0x4000, UPVALUE_INDEX = 0x3fff };

struct bytecode {
  unsigned params, frame; // registers
  bool variadic, wide_frames; // wide: two words of frame below the arguments of a call
  uint32_t *code;
  unsigned size;
  uint16_t *upvalues; // of an inner function: a register of the outer one (UPVALUE_LOCAL), or an upvalue of it
  unsigned upvalue_count;
  struct bytecode_constant *constants; // by operand D
  unsigned constant_count;
  double *numbers; // by operand D of KNUM
  unsigned number_count;
  unsigned line; // of its definition
  struct bytecode *next_owned;
};

static inline unsigned bytecode_a(uint32_t i) { return i >> 8 & 0xff; }
static inline unsigned bytecode_b(uint32_t i) { return i >> 24; }
static inline unsigned bytecode_c(uint32_t i) { return i >> 16 & 0xff; }
static inline unsigned bytecode_d(uint32_t i) { return i >> 16; }
static inline int bytecode_jump(uint32_t i) { return (int)(i >> 16) - 0x8000; }
enum bytecode_op bytecode_op(uint32_t instruction);

// Learns the names of instructions from the state; false: not to be had.
bool bytecode_open(lua_State *);
// The function at `index`; NULL: it is C's, or cannot be read.
struct bytecode *bytecode_read(lua_State *, int index);
void bytecode_free(struct bytecode **);
// May the function or one within it go on for ever? What it calls beside those is not looked at.
bool bytecode_may_loop(const struct bytecode *);
// Does the numeric loop that begins there, with those around it, take long by its constants alone?
bool bytecode_runs_long(const struct bytecode *, unsigned at);
// The dump itself, for another state: names and lines included.
bool bytecode_dump(lua_State *, int index, struct text *out);

#endif
