// SPDX-License-Identifier: BSD-2-Clause
// A table that any number of threads read and write: keys of bytes, values of a few kinds, each perhaps for some time.
// Bounded: when it is full, what was not used for the longest time gives way. (newSharedTable() and what scripts count
// together.)
//
//   table --> parts, by the hash of the key: each has a lock, a hash table, and a list from the oldest use to the newest
//
// Functions that run in copies on every worker share nothing; this is what they may share all the same. So a lookup must
// cost little with many threads: the lock is of one part of up to 64, and held for the length of a lookup. An entry moves to
// the end of its part's list when it is used; the one at the front gives way. Time that is over is looked at when an entry
// is found.
//
// A counted object. Any thread. Keys and values are copied in and out.
#ifndef DNSPROXY_BASE_SHARED_TABLE_H
#define DNSPROXY_BASE_SHARED_TABLE_H

#include "dnsproxy/base/object.h"

#include <stdbool.h>
#include <stddef.h>

enum { SHARED_KEY_MAX = 65535, SHARED_VALUE_MAX = 1 << 20 };

struct shared_value {
  enum { SHARED_BOOLEAN, SHARED_NUMBER, SHARED_STRING } kind;
  double number;    // SHARED_BOOLEAN: 0 or 1
  const char *data; // SHARED_STRING: of whoever sets it; of a value that was got: free() it
  size_t size;
};
struct shared_key {
  const char *data;
  size_t size;
};

struct shared_table;
extern const struct object_class shared_table_class; // "SharedTable"
struct shared_table *shared_table_new(size_t max_entries); // at least 1; rounded up to a multiple of the parts

// now_us: monotonic. False: not there.
bool shared_table_get(struct shared_table *, struct shared_key, uint64_t now_us, struct shared_value *out);
// until_us: monotonic, 0: no end. only_new: an entry that is there stays. False: that, too large, or no memory.
bool shared_table_set(struct shared_table *, struct shared_key, const struct shared_value *, uint64_t now_us, uint64_t until_us,
                      bool only_new);
// Adds to a number; a missing one begins at 0, until_us is for it. False: no number, too large a key, or no memory.
bool shared_table_add(struct shared_table *, struct shared_key, double step, uint64_t now_us, uint64_t until_us, double *sum);
bool shared_table_remove(struct shared_table *, struct shared_key, uint64_t now_us); // false: not there
void shared_table_clear(struct shared_table *);
size_t shared_table_count(struct shared_table *, uint64_t now_us); // unexpired
// Each unexpired entry, a part locked meanwhile: the visitor must not use the table.
void shared_table_each(struct shared_table *, uint64_t now_us, void (*visit)(struct shared_key, const struct shared_value *, void *),
                       void *arg);

#endif
