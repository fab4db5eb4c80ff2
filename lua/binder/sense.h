// SPDX-License-Identifier: BSD-2-Clause
// Numbers without sense: found by the row of a parameter, told, and replaced by one that has it.
#ifndef LUA_BINDER_SENSE_H
#define LUA_BINDER_SENSE_H

#include "lua/binder/binder.h"

// Looks at a value that was read. Where it is out of bounds, tells so once for each place and puts what counts instead.
// False: nothing counts, the call or assignment is to do nothing (settings).
bool sense_check(struct call *, const struct param *, struct value *, int stack);
// The same for what the type itself bounds, and for numbers that come on other ways (ffi.C): true if number is least to most.
// Else it is told under these names, with what counts instead.
bool sense_good(const char *where, const char *what, int64_t number, int64_t least, int64_t most, const char *outcome);
// The same for two arguments that are a least and a most (`pair`).
void sense_check_pairs(struct call *, const struct value *args);
// Two numbers of a call that do not go together, and the like: told with the place, once.
void sense_warn(struct call *, const char *format, ...) __attribute__((format(printf, 2, 3)));
// "1 to 255", "0, or at least 10": for errors, help() and descriptions. Nothing where no bounds are declared.
void sense_words(const struct param *, struct text *);

#endif
