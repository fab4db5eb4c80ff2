// SPDX-License-Identifier: BSD-2-Clause
// What image.c, which writes images, and image_read.c share: the form of their bytes.
#ifndef LUA_SCRIPTS_IMAGE_PRIVATE_H
#define LUA_SCRIPTS_IMAGE_PRIVATE_H

#include "dnsproxy/base/text.h"
#include "lua/scripts/image.h"

struct image {
  struct object object;
  struct text bytes;
  void **held; // objects of handles: one reference each
  size_t held_count;
  const void **scripts; // by position - 1
  size_t count;
};

enum tag {
  TAG_NIL = 'n',
  TAG_TRUE = 't',
  TAG_FALSE = 'f',
  TAG_NUMBER = 'd',
  TAG_STRING = 's',
  TAG_AGAIN = 'r',    // number of what was met before
  TAG_TABLE = 'T',    // pairs of values, closed by TAG_END
  TAG_END = 'e',
  TAG_FUNCTION = 'F', // dump, upvalues
  TAG_LIBRARY = 'L',  // path, declaration
  TAG_OBJECT = 'O',   // class, object
  TAG_VALUE = 'V',    // class, bytes
  TAG_UNCALLED = 'B', // a function that no copy calls, though it may be compared
  TAG_BARRED = 'X',   // what no copy looks at
};

#endif
