// SPDX-License-Identifier: BSD-2-Clause
// Counted objects that outlive a snapshot, a Lua handle or a thread's interest in them.
//
// Embed `struct object` as the first member. Owner: everyone who holds a reference; the last
// object_unref() calls the class's free function on the thread that dropped it. Any thread.
#ifndef DNSPROXY_BASE_OBJECT_H
#define DNSPROXY_BASE_OBJECT_H

#include <stdatomic.h>
#include <stdint.h>

struct object;

// One per type, const. `name` is what Lua users see ("Server", "PacketCache").
struct object_class {
  const char *name;
  void (*free)(struct object *); // frees everything, the object's own memory included
};

struct object {
  uint32_t magic; // OBJECT_MAGIC while alive, wiped on free
  _Atomic uint32_t refs;
  const struct object_class *class;
};

#define OBJECT_MAGIC 0x0b1ec7edu

// Starts with one reference, the caller's.
void object_init(struct object *, const struct object_class *);
// Adds a reference and returns its argument, so that `x = object_ref(y)` reads well. NULL stays NULL.
void *object_ref(void *object);
// Drops the reference in *slot and clears the slot. *slot may be NULL.
void object_unref(void *slot);
// Number of references, exact only for the sole owner: 1 means nobody else can see it (copy-on-write).
uint32_t object_refs(const void *object);

#endif
