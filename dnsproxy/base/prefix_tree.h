// SPDX-License-Identifier: BSD-2-Clause
// A path-compressed binary tree of bit prefixes: what a set of netmasks is made of, one tree per family.
//
// Owner: the netmask_set it is in. One thread may change it; readers need nobody to change it meanwhile.
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

#endif
