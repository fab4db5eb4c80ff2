// SPDX-License-Identifier: BSD-2-Clause
// Counted objects that outlive a snapshot, a Lua handle or a thread's interest in them.
//
//   struct pool { struct object object; ... };       the first member, so that a pool is an object
//   object_init(&p->object, &pool_class);            one reference, the maker's
//   entry->pool = object_ref(p);                     everybody who keeps it has one of his own
//   object_unref(&entry->pool);                      the slot is cleared; the last one frees the object
//
// What several owners share, and whose end nobody knows beforehand, is an object: backends, caches, chains, sets, scripts.
// Owner: everyone who holds a reference; the last object_unref() calls the class's free function on the thread that dropped
// it, which must therefore be any thread's, or see to it that it is not (guard/dynblock_table, chains).
//
// A count of one means that nobody else can see it: that is when sets and drafts may be changed in place (copy on write).
// The magic number is checked on every use, so that a stale pointer ends the process where it is used. Any thread.
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
// Adds a reference unless the last one is gone already, for whoever knows by other means that the memory is still there.
void *object_ref_living(void *object);
// Number of references, exact only for the sole owner: 1 means nobody else can see it (copy-on-write).
uint32_t object_refs(const void *object);

#endif
