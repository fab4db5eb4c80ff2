// SPDX-License-Identifier: BSD-2-Clause
// The stack of records, and the two kinds that most edits need.
#include "dnsproxy/base/undo.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/object.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct undo {
  struct undo *older;
  void (*back)(void *);
  void (*gone)(void *);
  _Alignas(max_align_t) unsigned char room[];
};

static _Thread_local struct undo_stack *undo_stack;

struct undo_stack *
undo_use(struct undo_stack *stack)
{
  struct undo_stack *before = undo_stack;
  undo_stack = stack;
  return before;
}

static void
undo_pop(bool back)
{
  struct undo *u = undo_stack->newest;
  undo_stack->newest = u->older;
  if (back)
    u->back(u->room);
  if (u->gone != NULL)
    u->gone(u->room);
  free(u);
}

void
undo_begin(void)
{
  if (undo_stack == NULL)
    return;
  if (undo_stack->depth < UNDO_DEPTH_MAX)
    undo_stack->marks[undo_stack->depth] = undo_stack->newest;
  undo_stack->depth++;
}

void
undo_keep(void)
{
  if (undo_stack == NULL)
    return;
  assert(undo_stack->depth > 0);
  if (--undo_stack->depth > 0)
    return;
  // Oldest first: what was put off until the edits are certain happens in their order.
  struct undo *ordered = NULL;
  while (undo_stack->newest != NULL) {
    struct undo *u = undo_stack->newest;
    undo_stack->newest = u->older;
    u->older = ordered;
    ordered = u;
  }
  while (ordered != NULL) {
    struct undo *u = ordered;
    ordered = u->older;
    if (u->gone != NULL)
      u->gone(u->room);
    free(u);
  }
}

void
undo_back(void)
{
  if (undo_stack == NULL)
    return;
  assert(undo_stack->depth > 0);
  undo_stack->depth--;
  if (undo_stack->depth >= UNDO_DEPTH_MAX)
    return;
  bool outer = undo_stack->going_back;
  undo_stack->going_back = true;
  while (undo_stack->newest != undo_stack->marks[undo_stack->depth])
    undo_pop(true);
  undo_stack->going_back = outer;
}

bool
undo_open(void)
{
  return undo_stack != NULL && undo_stack->depth > 0 && !undo_stack->going_back;
}

void *
undo_record(size_t size, void (*back)(void *), void (*gone)(void *))
{
  if (!undo_open())
    return NULL;
  struct undo *u = memory_new(sizeof *u + size);
  u->older = undo_stack->newest;
  u->back = back;
  u->gone = gone;
  undo_stack->newest = u;
  return u->room;
}

struct undo_bytes_record {
  void *at;
  size_t size;
  unsigned char bytes[];
};

static void
undo_bytes_back(void *room)
{
  struct undo_bytes_record *r = room;
  memcpy(r->at, r->bytes, r->size);
}

void
undo_bytes(void *at, size_t size)
{
  struct undo_bytes_record *r = undo_record(sizeof *r + size, undo_bytes_back, NULL);
  if (r == NULL)
    return;
  r->at = at;
  r->size = size;
  memcpy(r->bytes, at, size);
}

struct undo_object_record {
  struct object **slot, *was;
};

static void
undo_object_back(void *room)
{
  struct undo_object_record *r = room;
  struct object *is = *r->slot;
  *r->slot = r->was;
  r->was = is; // given up by gone()
}

static void
undo_object_gone(void *room)
{
  struct undo_object_record *r = room;
  object_unref(&r->was);
}

void
undo_object(void *slot)
{
  struct undo_object_record *r = undo_record(sizeof *r, undo_object_back, undo_object_gone);
  if (r == NULL)
    return;
  r->slot = slot;
  r->was = object_ref(*r->slot);
}
