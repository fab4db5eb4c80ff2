// SPDX-License-Identifier: BSD-2-Clause
// Counts per name or per client, and which are the highest.
//
// Owner: the caller, on its stack. One thread. Strangers choose the keys: the hash has a seed of its own.
#ifndef DNSPROXY_GUARD_TALLY_H
#define DNSPROXY_GUARD_TALLY_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/wire/name.h"

struct tally_row {
  uint64_t hash, count;
  union {
    struct name name;       // the casing that was added first
    struct address address; // without its port
  };
};

struct tally {
  bool of_names;
  uint64_t seed, total; // of all counts
  struct tally_row *rows;
  size_t count, room;
  uint32_t *slots; // number of the row + 1; 0: free. A power of two, at least twice `room`
};

void tally_init(struct tally *, bool of_names);
void tally_fini(struct tally *);
void tally_add_name(struct tally *, const struct name *, uint64_t n);
void tally_add_address(struct tally *, const struct address *, uint64_t n);
// Highest count first, then in the order of names or addresses. Nothing may be added afterwards.
void tally_sort(struct tally *);

#endif
