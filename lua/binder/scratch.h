// SPDX-License-Identifier: BSD-2-Clause
// What a call borrows while it lasts: memory, and references to objects made for its arguments.
//
//   a call begins --> arguments are read: lists, texts, sets made of tables --> the function runs --> all is given back
//
// An error of Lua jumps over C's frames, so that nothing may be held in them when it is raised: whatever a call took is
// noted here, and given back in one place before the error goes up. Small calls take nothing. On the caller's stack; one
// thread.
#ifndef LUA_BINDER_SCRATCH_H
#define LUA_BINDER_SCRATCH_H

#include <stddef.h>

struct scratch_block {
  struct scratch_block *next;
  max_align_t data[];
};

struct scratch {
  struct scratch_block *blocks;
  void **owned; // references
  size_t owned_count;
};

void *scratch_alloc(struct scratch *, size_t size); // zeroed
void scratch_own(struct scratch *, void *object);   // takes over a reference
void scratch_fini(struct scratch *);

#endif
