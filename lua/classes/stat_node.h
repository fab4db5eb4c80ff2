// SPDX-License-Identifier: BSD-2-Clause
// What visitors of the tree of names are given: StatNode and, twice, StatNodeStats. Lua lock held.
#ifndef LUA_CLASSES_STAT_NODE_H
#define LUA_CLASSES_STAT_NODE_H

#include "dnsproxy/guard/dynblock_group.h"
#include "lua/binder/classes.h"

// Three values: the node, its own counts, those of it and everything below. Every count is multiplied by `weight`.
void stat_node_push(lua_State *, const struct stat_node *, uint32_t weight);

#endif
