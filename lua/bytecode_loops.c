// SPDX-License-Identifier: BSD-2-Clause
// Loops of functions that belong to no shared state: seen from the instructions alone.
#include "lua/bytecode.h"

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

static bool
is_small(const struct bytecode *f, const uint32_t *i)
{
  if (i == NULL)
    return false;
  switch (bytecode_op(*i)) {
  case BYTECODE_KSHORT:
  case BYTECODE_LEN:
    return true;
  case BYTECODE_KNUM:
    return bytecode_d(*i) < f->number_count && fabs(f->numbers[bytecode_d(*i)]) <= 1e6;
  default:
    return false;
  }
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
    return !is_small(f, last_write(f, at, bytecode_a(i) + 1)) || !is_small(f, last_write(f, at, bytecode_a(i) + 2));
  case BYTECODE_CALLT:
  case BYTECODE_CALLMT:
    return is_tail_recursion(f, at);
  default:
    return false;
  }
}

bool
bytecode_may_loop(const struct bytecode *f)
{
  for (; f != NULL; f = f->next_owned)
    for (unsigned i = 0; i < f->size; i++)
      if (loops_at(f, i))
        return true;
  return false;
}
