// SPDX-License-Identifier: BSD-2-Clause
// Declarations as people read them: "(selector, action[, options])", for help() and --describe.
//
// The text is made of the rows that also check the arguments, so that help cannot say anything else than what is taken:
// names in order, brackets around what may be left out, "()" for none. Constant input, text out; any thread.
#ifndef LUA_BINDER_SIGNATURE_H
#define LUA_BINDER_SIGNATURE_H

#include "lua/binder/binder.h"

// "(name, other[, optional])", "()" for none.
void signature_parameters(const struct param *, struct text *);
// "string", "integer|string", ... in the notation of LuaLS.
const char *signature_type(const struct param *);

#endif
