// SPDX-License-Identifier: BSD-2-Clause
// A prefix tree flattened for lookups: the sorted addresses at which "no" becomes "yes" and back, in blocks of two
// cache lines, below shorter and shorter copies of every sixteenth.
//
// Immutable. Owner: the netmask_set it is in. Any thread may look up.
#ifndef DNSPROXY_BASE_PREFIX_INDEX_H
#define DNSPROXY_BASE_PREFIX_INDEX_H

#include "dnsproxy/base/prefix_tree.h"

struct prefix_index;

struct prefix_index *prefix_index_new(const struct prefix_tree *);
void prefix_index_free(struct prefix_index **);
// Does the longest prefix of the key say yes?
bool prefix_index_find(const struct prefix_index *, prefix_key);

#endif
