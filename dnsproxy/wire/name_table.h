// SPDX-License-Identifier: BSD-2-Clause
// Names in one arena and a hash table of 32-bit offsets into it: what both kinds of sets of names are made of.
//
// Private to wire/. Owner: the set it is in; readers share it while nobody writes. 8 bytes of table for each slot, at
// least a quarter of the slots free; a look-up touches the arena only where 32 bits of the hash agree.
#ifndef DNSPROXY_WIRE_NAME_TABLE_H
#define DNSPROXY_WIRE_NAME_TABLE_H

#include "dnsproxy/wire/name.h"

struct name_slot {
  uint32_t tag; // lower half of the hash; its lower bits are the slot where the search begins
  uint32_t at;  // offset into the arena, 0: free
};

struct name_table {
  uint8_t *arena; // wire bytes, casing as added; offset 0 is not used
  size_t arena_size, arena_capacity, arena_dead; // dead: bytes of removed names
  struct name_slot *slots;
  size_t slot_count, count; // slots: 0 or a power of two
};

void name_table_fini(struct name_table *); // leaves it empty and usable
void name_table_copy(struct name_table *, const struct name_table *from); // into one that is all zero
// Offset of the name in the arena, 0 if it is not there. `hash` is the caller's, always the same for a name.
uint32_t name_table_find(const struct name_table *, uint64_t hash, const uint8_t *bytes, size_t size);
bool name_table_add(struct name_table *, uint64_t hash, const uint8_t *bytes, size_t size); // false if already there
bool name_table_remove(struct name_table *, uint64_t hash, const uint8_t *bytes, size_t size);

#endif
