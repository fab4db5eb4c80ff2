// SPDX-License-Identifier: BSD-2-Clause
// What was answered for a name and for everything below it, seen as a tree of names: for visitors that look for names
// that suffer (statNodeRespRing(), suffix rules of dynamic blocks).
//
// Made from the ring of answers when it is asked for; the caller's own. Any thread.
#ifndef DNSPROXY_GUARD_STAT_NODES_H
#define DNSPROXY_GUARD_STAT_NODES_H

#include "dnsproxy/guard/rings.h"

struct stat_counts {
  uint64_t queries, noerrors, nxdomains, servfails;
  uint64_t drops; // time-outs
  uint64_t bytes;
  uint64_t hits;  // ring_entry_is_hit()
};

struct stat_node {
  struct name name;
  unsigned labels, children; // directly below
  struct stat_counts self;   // of the name itself
  struct stat_counts all;    // of the name and everything below
};

// False: no more nodes are wanted.
typedef bool (*stat_visit_fn)(const struct stat_node *, void *arg);
// Calls visit for every name in the answers since then and every name above, children before their parent, the root last.
// Counts are per entry of the ring: rings_weight() says what each stands for. The root is visited even if there is nothing.
void stat_nodes_visit(uint64_t since_us, stat_visit_fn visit, void *arg);

#endif
