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

enum { UNDO_DEPTH_MAX = 64 }; // deeper ones are part of that at this depth

static struct {
  struct undo *newest;
  struct undo *marks[UNDO_DEPTH_MAX]; // the newest record when each transaction began
  unsigned depth;
  bool going_back;
} undo;

static void
undo_pop(bool back)
{
  struct undo *u = undo.newest;
  undo.newest = u->older;
  if (back)
    u->back(u->room);
  if (u->gone != NULL)
    u->gone(u->room);
  free(u);
}

void
undo_begin(void)
{
  if (undo.depth < UNDO_DEPTH_MAX)
    undo.marks[undo.depth] = undo.newest;
  undo.depth++;
}

void
undo_keep(void)
{
  assert(undo.depth > 0);
  if (--undo.depth > 0)
    return;
  // Oldest first: what was put off until the edits are certain happens in their order.
  struct undo *ordered = NULL;
  while (undo.newest != NULL) {
    struct undo *u = undo.newest;
    undo.newest = u->older;
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
  assert(undo.depth > 0);
  undo.depth--;
  if (undo.depth >= UNDO_DEPTH_MAX)
    return;
  bool outer = undo.going_back;
  undo.going_back = true;
  while (undo.newest != undo.marks[undo.depth])
    undo_pop(true);
  undo.going_back = outer;
}

bool
undo_open(void)
{
  return undo.depth > 0 && !undo.going_back;
}

void *
undo_record(size_t size, void (*back)(void *), void (*gone)(void *))
{
  if (!undo_open())
    return NULL;
  struct undo *u = memory_new(sizeof *u + size);
  u->older = undo.newest;
  u->back = back;
  u->gone = gone;
  undo.newest = u;
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
