// SPDX-License-Identifier: BSD-2-Clause
// What functions and rules of dynamic blocks share: their options table, what they refuse. Lua lock held.
#ifndef LUA_CLASSES_DYNBLOCK_OPTIONS_H
#define LUA_CLASSES_DYNBLOCK_OPTIONS_H

#include "lua/binder/binder.h"

enum { DYNBLOCK_TAG_NAME, DYNBLOCK_TAG_VALUE };
extern const struct param dynblock_options[];
const char *dynblock_option(const struct value *options, unsigned key); // NULL: not given
// SetTag needs the name of its tag. False: the fault is set.
bool dynblock_options_good(struct call *, int action, const char *tag_name);
// The rules of the group in `self` cannot change while apply() goes over them. False: the fault is set.
bool dynblock_may_change(struct call *);

#endif
