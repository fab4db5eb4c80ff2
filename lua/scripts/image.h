// SPDX-License-Identifier: BSD-2-Clause
// Functions and all that they reach, written out in one Lua state to be made anew in others.
//
// Counted and immutable. image_new(): Lua lock of the control state; image_load(): the thread of the other state.
#ifndef LUA_SCRIPTS_IMAGE_H
#define LUA_SCRIPTS_IMAGE_H

#include "dnsproxy/base/object.h"
#include "lua/scripts/purity.h"

#include <lua.h>
#include <stddef.h>

struct image;
extern const struct object_class image_class;

struct image_part {
  const void *script;           // whose function it is
  int reference;                // of the function, in the registry of the control state
  const struct purity *purity;  // its own: shares nothing
};

// What the parts reach has been found free of everything that cannot be copied. NULL: out of memory in Lua.
struct image *image_new(lua_State *, const struct image_part *, size_t count);
bool image_same(const struct image *, const struct image *); // would they be made into the same values?
// Makes the functions: a table of them by position (from 1) is left on the stack. False: nothing is left.
bool image_load(lua_State *, const struct image *);
size_t image_count(const struct image *); // of its functions
// The position of a script's function, from 1; 0: it is not in the image. guess: where it may be, so that nobody searches.
int image_position(const struct image *, const void *script, int guess);

#endif
