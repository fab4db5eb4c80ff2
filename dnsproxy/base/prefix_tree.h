// SPDX-License-Identifier: BSD-2-Clause
// Bit prefixes and what they say, yes or no: what a set of netmasks is made of, one tree per family.
//
// The tree is a path-compressed binary one: a node has a prefix and up to two children with longer ones, so that a lookup
// walks down as long as the key agrees, and remembers the last node that said something. A fork that says nothing is there
// for its two children only. That is quick to change and slow to look up in: each step is a cache miss.
//
// The index is the same set flattened for lookups. Going through all keys in ascending order, the answer changes from no to
// yes and back at certain keys; these are sorted, in blocks of two cache lines, below shorter and shorter copies of every
// sixteenth. A lookup finds the last change at or before the key, and whether its number is odd is the answer: two or three
// cache misses for a million prefixes.
//
// Owner: the netmask_set that both are in. One thread may change a tree while nobody reads it; an index is immutable and
// read by any thread.
#ifndef DNSPROXY_BASE_PREFIX_TREE_H
#define DNSPROXY_BASE_PREFIX_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Up to 128 bits, the first one highest. Shorter keys (IPv4) begin there too; bits behind a prefix are zero.
typedef unsigned __int128 prefix_key;

enum prefix_verdict { PREFIX_NONE, PREFIX_YES, PREFIX_NO }; // NONE: nothing was added here

struct prefix_node;

struct prefix_tree {
  struct prefix_node *nodes; // nodes[0] is never used: index 0 means "no node"
  uint32_t size, capacity;   // nodes in use and in memory
  uint32_t spare;            // list of given-back nodes
  uint32_t root;
  size_t count; // prefixes
};

void prefix_tree_init(struct prefix_tree *);
void prefix_tree_fini(struct prefix_tree *);
// A copy with the nodes in the order of a walk, so that neighbours share cache lines.
void prefix_tree_copy(struct prefix_tree *, const struct prefix_tree *from);

void prefix_tree_add(struct prefix_tree *, prefix_key, unsigned bits, enum prefix_verdict); // replaces the same prefix
bool prefix_tree_remove(struct prefix_tree *, prefix_key, unsigned bits);                   // false if absent
// Of the longest prefix of `key`.
enum prefix_verdict prefix_tree_find(const struct prefix_tree *, prefix_key);
// Ascending, a longer prefix before the one that contains it.
typedef void prefix_visit_fn(prefix_key, unsigned bits, enum prefix_verdict, void *arg);
void prefix_tree_each(const struct prefix_tree *, prefix_visit_fn *, void *arg);
// Ascending starts of ranges in which every key finds the same; a start may be repeated: the last call counts.
typedef void prefix_range_fn(prefix_key start, bool yes, void *arg);
void prefix_tree_ranges(const struct prefix_tree *, prefix_range_fn *, void *arg);

// A prefix tree flattened for lookups: the sorted addresses at which "no" becomes "yes" and back, in blocks of two
// cache lines, below shorter and shorter copies of every sixteenth.
//
// Immutable. Owner: the netmask_set it is in. Any thread may look up.

struct prefix_index;

struct prefix_index *prefix_index_new(const struct prefix_tree *);
void prefix_index_free(struct prefix_index **);
// Does the longest prefix of the key say yes?
bool prefix_index_find(const struct prefix_index *, prefix_key);

#endif
