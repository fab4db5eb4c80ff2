// SPDX-License-Identifier: BSD-2-Clause
// Counting references.
#include "dnsproxy/base/object.h"

#include <assert.h>
#include <stddef.h>

void
object_init(struct object *o, const struct object_class *class)
{
  assert(class != NULL && class->free != NULL);
  o->magic = OBJECT_MAGIC;
  o->class = class;
  atomic_init(&o->refs, 1);
}

void *
object_ref(void *object)
{
  struct object *o = object;
  if (o == NULL)
    return NULL;
  assert(o->magic == OBJECT_MAGIC);
  // Relaxed: whoever adds a reference holds one already.
  uint32_t before = atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
  assert(before > 0 && before < UINT32_MAX);
  return object;
}

void *
object_ref_living(void *object)
{
  struct object *o = object;
  uint32_t refs = atomic_load_explicit(&o->refs, memory_order_relaxed);
  while (refs > 0)
    if (atomic_compare_exchange_weak_explicit(&o->refs, &refs, refs + 1, memory_order_acquire, memory_order_relaxed))
      return object;
  return NULL;
}

void
object_unref(void *slot)
{
  struct object **at = slot;
  struct object *o = *at;
  if (o == NULL)
    return;
  *at = NULL;
  assert(o->magic == OBJECT_MAGIC);
  // Release what this holder wrote; the last one acquires what all the others wrote.
  uint32_t before = atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel);
  assert(before > 0);
  if (before > 1)
    return;
  o->magic = 0;
  o->class->free(o);
}

uint32_t
object_refs(const void *object)
{
  const struct object *o = object;
  assert(o->magic == OBJECT_MAGIC);
  return atomic_load_explicit(&o->refs, memory_order_acquire);
}
