// SPDX-License-Identifier: BSD-2-Clause
// Loops of functions that belong to no shared state: seen from the instructions alone.
#include "lua/scripts/bytecode.h"

#include <math.h>

static bool
writes(uint32_t i, unsigned reg)
{
  return bytecode_a(i) == reg; // what only reads A is taken for a write: that makes the answer "perhaps", which is safe
}

// What wrote the register last before the instruction, as far as there are no jumps to tell of; NULL: not found.
static const uint32_t *
last_write(const struct bytecode *f, unsigned before, unsigned reg)
{
  for (unsigned i = before; i-- > 0;)
    if (writes(f->code[i], reg))
      return &f->code[i];
  return NULL;
}

enum { LENGTH = 1000, TURNS_MAX = 2000000 }; // what a table may well hold; turns that take no time to speak of

static bool
value_of(const struct bytecode *f, const uint32_t *i, double *out)
{
  if (i == NULL)
    return false;
  switch (bytecode_op(*i)) {
  case BYTECODE_KSHORT:
    *out = (int16_t)bytecode_d(*i);
    return true;
  case BYTECODE_LEN:
    *out = LENGTH;
    return true;
  case BYTECODE_KNUM:
    *out = bytecode_d(*i) < f->number_count ? f->numbers[bytecode_d(*i)] : INFINITY;
    return true;
  default:
    return false;
  }
}

// Of the loop that begins there; false: cannot be told.
static bool
turns_of(const struct bytecode *f, unsigned at, double *out)
{
  unsigned a = bytecode_a(f->code[at]);
  double from, to, step;
  if (!value_of(f, last_write(f, at, a), &from) || !value_of(f, last_write(f, at, a + 1), &to) ||
      !value_of(f, last_write(f, at, a + 2), &step))
    return false;
  *out = step == 0 ? INFINITY : (to - from) / step;
  return true;
}

bool
bytecode_runs_long(const struct bytecode *f, unsigned at)
{
  double product = 1, turns;
  for (unsigned i = 0; i <= at; i++)
    if ((bytecode_op(f->code[i]) == BYTECODE_FORI || bytecode_op(f->code[i]) == BYTECODE_JFORI) &&
        (i == at || (int)i + bytecode_jump(f->code[i]) >= (int)at) && turns_of(f, i, &turns) && !(turns <= 1))
      product *= turns;
  return !(product <= TURNS_MAX);
}

// A call in the place of the function itself: of a field (ffi.C.x) it ends, of a variable it may be itself.
static bool
is_tail_recursion(const struct bytecode *f, unsigned at)
{
  const uint32_t *callee = last_write(f, at, bytecode_a(f->code[at]));
  return callee == NULL || bytecode_op(*callee) == BYTECODE_UGET || bytecode_op(*callee) == BYTECODE_GGET;
}

static bool
loops_at(const struct bytecode *f, unsigned at)
{
  uint32_t i = f->code[at];
  double turns;
  switch (bytecode_op(i)) {
  case BYTECODE_LOOP:
  case BYTECODE_ILOOP:
  case BYTECODE_JLOOP:
    return true;
  case BYTECODE_JMP:
  case BYTECODE_UCLO:
    return bytecode_jump(i) < 0; // a goto out of a block has no LOOP where it leads
  case BYTECODE_FORI:
  case BYTECODE_JFORI:
    return !turns_of(f, at, &turns) || bytecode_runs_long(f, at);
  case BYTECODE_CALLT:
  case BYTECODE_CALLMT:
    return is_tail_recursion(f, at);
  default:
    return false;
  }
}

// Does the function call the variable that it was put into, or one that changes? Calls that multiply need no loop.
static bool
calls_itself(const struct bytecode *f, unsigned own)
{
  for (unsigned at = 0; at < f->size; at++) {
    if (bytecode_op(f->code[at]) != BYTECODE_CALL && bytecode_op(f->code[at]) != BYTECODE_CALLM)
      continue;
    const uint32_t *callee = last_write(f, at, bytecode_a(f->code[at]));
    if (callee == NULL || bytecode_op(*callee) != BYTECODE_UGET || bytecode_d(*callee) >= f->upvalue_count)
      continue;
    unsigned u = f->upvalues[bytecode_d(*callee)];
    if ((u & UPVALUE_LOCAL) && ((u & 0xff) == own || !(u & UPVALUE_IMMUTABLE)))
      return true;
  }
  return false;
}

static bool
makes_recursion(const struct bytecode *f, unsigned at)
{
  unsigned d = bytecode_d(f->code[at]);
  return bytecode_op(f->code[at]) == BYTECODE_FNEW && d < f->constant_count && f->constants[d].kind == CONSTANT_FUNCTION &&
         calls_itself(f->constants[d].function, bytecode_a(f->code[at]));
}

bool
bytecode_may_loop(const struct bytecode *f)
{
  for (; f != NULL; f = f->next_owned)
    for (unsigned i = 0; i < f->size; i++)
      if (loops_at(f, i) || makes_recursion(f, i))
        return true;
  return false;
}
