// SPDX-License-Identifier: BSD-2-Clause
// Declarations as people read them: for help() and --describe.
#ifndef LUA_BINDER_SIGNATURE_H
#define LUA_BINDER_SIGNATURE_H

#include "lua/binder/binder.h"

// "(name, other[, optional])", "()" for none.
void signature_parameters(const struct param *, struct text *);
// "string", "integer|string", ... in the notation of LuaLS.
const char *signature_type(const struct param *);

#endif
