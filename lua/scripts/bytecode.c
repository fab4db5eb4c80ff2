// SPDX-License-Identifier: BSD-2-Clause
// Reading what lua_dump() writes. The bytes are LuaJIT's own, yet nothing is read beyond them.
#include "lua/scripts/bytecode.h"

#include "dnsproxy/base/memory.h"

#include <lauxlib.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// ---- names of instructions ----

enum { NAME_SIZE = 6, OPS = 256 };
static enum bytecode_op ops[OPS];
static bool ready;

static enum bytecode_op
bytecode_op_of_name(const char *name, size_t size)
{
  static const struct {
    const char *name;
    enum bytecode_op op;
  } rows[] = {
#define OP(word) {#word, BYTECODE_##word},
      BYTECODE_OPS(OP)
#undef OP
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strlen(rows[i].name) == size && memcmp(rows[i].name, name, size) == 0)
      return rows[i].op;
  return BYTECODE_OTHER;
}

static void
bytecode_read_names(lua_State *lua)
{
  int top = lua_gettop(lua);
  size_t size = 0;
  const char *names = NULL;
  if (luaL_loadstring(lua, "return require('jit.vmdef').bcnames") == 0 && lua_pcall(lua, 0, 1, 0) == 0)
    names = lua_tolstring(lua, -1, &size);
  unsigned known = 0;
  for (size_t i = 0; names != NULL && i < size / NAME_SIZE && i < OPS; i++) {
    size_t width = strcspn(names + i * NAME_SIZE, " ");
    ops[i] = bytecode_op_of_name(names + i * NAME_SIZE, width < NAME_SIZE ? width : NAME_SIZE);
    known += ops[i] != BYTECODE_OTHER;
  }
  lua_settop(lua, top);
#define OP(word) +1
  ready = known == 0 BYTECODE_OPS(OP);
#undef OP
}

bool
bytecode_open(lua_State *lua)
{
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // the first one reads them, for all
  static bool read;
  pthread_mutex_lock(&lock);
  if (!read)
    bytecode_read_names(lua);
  read = true;
  bool good = ready;
  pthread_mutex_unlock(&lock);
  return good;
}

enum bytecode_op
bytecode_op(uint32_t instruction)
{
  return ops[instruction & 0xff];
}

// ---- the dump ----

static int
bytecode_write_piece(lua_State *lua, const void *bytes, size_t size, void *arg)
{
  (void)lua;
  text_add(arg, bytes, size);
  return 0;
}

bool
bytecode_dump(lua_State *lua, int index, struct text *out)
{
  lua_pushvalue(lua, index);
  bool good = !lua_iscfunction(lua, -1) && lua_dump(lua, bytecode_write_piece, out) == 0;
  lua_pop(lua, 1);
  return good;
}

struct reader {
  const uint8_t *at, *end;
  bool failed, wide;
  struct bytecode *owned;     // all read so far
  struct bytecode *stack[64]; // inner functions that wait for their outer one
  unsigned depth;
};

static uint8_t
bytecode_read_byte(struct reader *r)
{
  if (r->at < r->end)
    return *r->at++;
  r->failed = true;
  return 0;
}

static uint32_t
bytecode_read_number(struct reader *r) // ULEB128
{
  uint32_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    uint8_t b = bytecode_read_byte(r);
    value |= (uint32_t)(b & 0x7f) << (shift < 32 ? shift : 31);
    if (b < 0x80)
      return value;
  }
  r->failed = true;
  return value;
}

static const uint8_t *
bytecode_read_bytes(struct reader *r, size_t size)
{
  const uint8_t *at = r->at;
  if ((size_t)(r->end - r->at) < size) {
    r->failed = true;
    return NULL;
  }
  r->at += size;
  return at;
}

// Whether a count can be true: each thing takes at least a byte.
static bool
bytecode_plausible(struct reader *r, size_t count)
{
  if (count > (size_t)(r->end - r->at))
    r->failed = true;
  return !r->failed;
}

static void
bytecode_skip_table_value(struct reader *r)
{
  enum { TABLE_INT = 3, TABLE_NUMBER = 4, TABLE_STRING = 5 };
  uint32_t type = bytecode_read_number(r);
  if (type >= TABLE_STRING) {
    bytecode_read_bytes(r, type - TABLE_STRING);
  } else if (type == TABLE_NUMBER) {
    bytecode_read_number(r);
    bytecode_read_number(r);
  } else if (type == TABLE_INT) {
    bytecode_read_number(r);
  }
}

static void
bytecode_read_constant(struct reader *r, struct bytecode_constant *out)
{
  enum { CHILD, TABLE, I64, U64, COMPLEX, STRING };
  uint32_t type = bytecode_read_number(r);
  out->kind = CONSTANT_OTHER;
  if (type >= STRING) {
    const uint8_t *bytes = bytecode_read_bytes(r, type - STRING);
    if (bytes == NULL)
      return;
    out->kind = CONSTANT_STRING;
    out->size = type - STRING;
    out->string = memory_copy(bytes, out->size);
  } else if (type == CHILD) {
    r->failed |= r->depth == 0;
    if (r->failed)
      return;
    out->kind = CONSTANT_FUNCTION;
    out->function = r->stack[--r->depth];
  } else if (type == TABLE) {
    uint32_t array = bytecode_read_number(r), hash = bytecode_read_number(r);
    for (uint32_t i = 0; i < array && !r->failed; i++)
      bytecode_skip_table_value(r);
    for (uint32_t i = 0; i < 2 * hash && !r->failed; i++)
      bytecode_skip_table_value(r);
  } else {
    for (unsigned i = type == COMPLEX ? 4 : 2; i > 0; i--)
      bytecode_read_number(r);
  }
}

// One bit more than ULEB128: it tells integers from doubles.
static double
bytecode_read_double(struct reader *r)
{
  uint8_t first = bytecode_read_byte(r);
  uint32_t low = (first & 0x7f) >> 1;
  if (first >= 0x80)
    low |= bytecode_read_number(r) << 6;
  if ((first & 1) == 0)
    return (double)(int32_t)low;
  uint64_t bits = (uint64_t)bytecode_read_number(r) << 32 | low;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void
bytecode_read_function_body(struct reader *r, struct bytecode *f, bool stripped)
{
  enum { VARIADIC = 2 };
  uint8_t flags = bytecode_read_byte(r);
  f->params = bytecode_read_byte(r);
  f->frame = bytecode_read_byte(r);
  f->upvalue_count = bytecode_read_byte(r);
  f->constant_count = bytecode_read_number(r);
  f->number_count = bytecode_read_number(r);
  f->size = bytecode_read_number(r);
  f->variadic = (flags & VARIADIC) != 0;
  f->wide_frames = r->wide;
  if (!stripped && bytecode_read_number(r) > 0) {
    f->line = bytecode_read_number(r);
    bytecode_read_number(r);
  }
  if (!bytecode_plausible(r, (size_t)f->size * sizeof *f->code) || !bytecode_plausible(r, f->constant_count) ||
      !bytecode_plausible(r, f->number_count))
    return;
  f->code = memory_array(f->size + 1, sizeof *f->code);
  f->upvalues = memory_array(f->upvalue_count + 1, sizeof *f->upvalues);
  f->constants = memory_array(f->constant_count + 1, sizeof *f->constants);
  f->numbers = memory_array(f->number_count + 1, sizeof *f->numbers);
  const uint8_t *code = bytecode_read_bytes(r, f->size * sizeof *f->code);
  const uint8_t *upvalues = bytecode_read_bytes(r, f->upvalue_count * sizeof *f->upvalues);
  if (r->failed)
    return;
  memcpy(f->code, code, f->size * sizeof *f->code);
  memcpy(f->upvalues, upvalues, f->upvalue_count * sizeof *f->upvalues);
  for (unsigned i = f->constant_count; i > 0 && !r->failed; i--) // the last operand comes first
    bytecode_read_constant(r, &f->constants[i - 1]);
  for (unsigned i = 0; i < f->number_count && !r->failed; i++)
    f->numbers[i] = bytecode_read_double(r);
}

static void
bytecode_read_functions(struct reader *r, bool stripped)
{
  for (uint32_t size; !r->failed && (size = bytecode_read_number(r)) > 0;) {
    const uint8_t *next = r->at + size;
    if (!bytecode_plausible(r, size) || r->depth == sizeof r->stack / sizeof *r->stack) {
      r->failed = true;
      return;
    }
    struct bytecode *f = memory_new(sizeof *f);
    f->next_owned = r->owned;
    r->owned = f;
    bytecode_read_function_body(r, f, stripped);
    if (r->failed)
      return;
    r->stack[r->depth++] = f;
    r->at = next;
  }
}

struct bytecode *
bytecode_read(lua_State *lua, int index)
{
  enum { VERSION = 2, BIG_ENDIAN_DUMP = 1, STRIPPED = 2, WIDE = 8 };
  struct text dump;
  text_init(&dump);
  struct reader r = {.failed = !ready || !bytecode_dump(lua, index, &dump)};
  r.at = (const uint8_t *)dump.data;
  r.end = r.at + dump.size;
  const uint8_t *head = bytecode_read_bytes(&r, 4);
  if (head != NULL && (memcmp(head, "\033LJ", 3) != 0 || head[3] != VERSION))
    r.failed = true;
  uint32_t flags = bytecode_read_number(&r);
  r.wide = (flags & WIDE) != 0;
  r.failed |= (flags & BIG_ENDIAN_DUMP) != 0;
  if (!(flags & STRIPPED))
    bytecode_read_bytes(&r, bytecode_read_number(&r));
  if (!r.failed)
    bytecode_read_functions(&r, (flags & STRIPPED) != 0);
  text_fini(&dump);
  if (!r.failed && r.depth == 1 && r.owned == r.stack[0])
    return r.owned;
  bytecode_free(&r.owned);
  return NULL;
}

void
bytecode_free(struct bytecode **slot)
{
  for (struct bytecode *f = *slot, *next; f != NULL; f = next) {
    next = f->next_owned;
    for (unsigned i = 0; f->constants != NULL && i < f->constant_count; i++)
      free((char *)(uintptr_t)f->constants[i].string);
    free(f->code);
    free(f->upvalues);
    free(f->constants);
    free(f->numbers);
    free(f);
  }
  *slot = NULL;
}

// ---- loops of functions that belong to no shared state: seen from the instructions alone ----

static bool
bytecode_writes(uint32_t i, unsigned reg)
{
  return bytecode_a(i) == reg; // what only reads A is taken for a write: that makes the answer "perhaps", which is safe
}

// What wrote the register last before the instruction, as far as there are no jumps to tell of; NULL: not found.
static const uint32_t *
bytecode_last_write(const struct bytecode *f, unsigned before, unsigned reg)
{
  for (unsigned i = before; i-- > 0;)
    if (bytecode_writes(f->code[i], reg))
      return &f->code[i];
  return NULL;
}

enum { LENGTH = 1000, TURNS_MAX = 2000000 }; // what a table may well hold; turns that take no time to speak of

static bool
bytecode_value_of(const struct bytecode *f, const uint32_t *i, double *out)
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
bytecode_turns_of(const struct bytecode *f, unsigned at, double *out)
{
  unsigned a = bytecode_a(f->code[at]);
  double from, to, step;
  if (!bytecode_value_of(f, bytecode_last_write(f, at, a), &from) ||
      !bytecode_value_of(f, bytecode_last_write(f, at, a + 1), &to) ||
      !bytecode_value_of(f, bytecode_last_write(f, at, a + 2), &step))
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
        (i == at || (int)i + bytecode_jump(f->code[i]) >= (int)at) && bytecode_turns_of(f, i, &turns) && !(turns <= 1))
      product *= turns;
  return !(product <= TURNS_MAX);
}

// A call in the place of the function itself: of a field (ffi.C.x) it ends, of a variable it may be itself.
static bool
bytecode_is_tail_recursion(const struct bytecode *f, unsigned at)
{
  const uint32_t *callee = bytecode_last_write(f, at, bytecode_a(f->code[at]));
  return callee == NULL || bytecode_op(*callee) == BYTECODE_UGET || bytecode_op(*callee) == BYTECODE_GGET;
}

static bool
bytecode_loops_at(const struct bytecode *f, unsigned at)
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
    return !bytecode_turns_of(f, at, &turns) || bytecode_runs_long(f, at);
  case BYTECODE_CALLT:
  case BYTECODE_CALLMT:
    return bytecode_is_tail_recursion(f, at);
  default:
    return false;
  }
}

// Does the function call the variable that it was put into, or one that changes? Calls that multiply need no loop.
static bool
bytecode_calls_itself(const struct bytecode *f, unsigned own)
{
  for (unsigned at = 0; at < f->size; at++) {
    if (bytecode_op(f->code[at]) != BYTECODE_CALL && bytecode_op(f->code[at]) != BYTECODE_CALLM)
      continue;
    const uint32_t *callee = bytecode_last_write(f, at, bytecode_a(f->code[at]));
    if (callee == NULL || bytecode_op(*callee) != BYTECODE_UGET || bytecode_d(*callee) >= f->upvalue_count)
      continue;
    unsigned u = f->upvalues[bytecode_d(*callee)];
    if ((u & UPVALUE_LOCAL) && ((u & 0xff) == own || !(u & UPVALUE_IMMUTABLE)))
      return true;
  }
  return false;
}

static bool
bytecode_makes_recursion(const struct bytecode *f, unsigned at)
{
  unsigned d = bytecode_d(f->code[at]);
  return bytecode_op(f->code[at]) == BYTECODE_FNEW && d < f->constant_count && f->constants[d].kind == CONSTANT_FUNCTION &&
         bytecode_calls_itself(f->constants[d].function, bytecode_a(f->code[at]));
}

bool
bytecode_may_loop(const struct bytecode *f)
{
  for (; f != NULL; f = f->next_owned)
    for (unsigned i = 0; i < f->size; i++)
      if (bytecode_loops_at(f, i) || bytecode_makes_recursion(f, i))
        return true;
  return false;
}
