// SPDX-License-Identifier: BSD-2-Clause
// A growing piece of text.
#include "dnsproxy/base/text.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_FIRST = 64 };

// Makes room for `count` more bytes and the NUL.
static void
text_reserve(struct text *t, size_t count)
{
  assert(count < SIZE_MAX / 4);
  size_t need = t->size + count + 1;
  if (need <= t->capacity)
    return;
  size_t capacity = t->capacity * 2;
  if (capacity < need)
    capacity = need;
  t->data = memory_resize(t->data, capacity, 1);
  t->capacity = capacity;
}

void
text_init(struct text *t)
{
  *t = (struct text){.data = memory_new(TEXT_FIRST), .capacity = TEXT_FIRST};
}

void
text_fini(struct text *t)
{
  free(t->data);
  *t = (struct text){.data = NULL};
}

void
text_clear(struct text *t)
{
  t->size = 0;
  t->data[0] = '\0';
}

void
text_add(struct text *t, const char *bytes, size_t count)
{
  text_reserve(t, count);
  if (count > 0)
    memcpy(t->data + t->size, bytes, count);
  t->size += count;
  t->data[t->size] = '\0';
}

void
text_puts(struct text *t, const char *string)
{
  text_add(t, string, strlen(string));
}

void
text_vprintf(struct text *t, const char *format, va_list args)
{
  va_list again;
  va_copy(again, args);
  size_t room = t->capacity - t->size;
  int size = vsnprintf(t->data + t->size, room, format, args);
  assert(size >= 0);
  if ((size_t)size >= room) {
    text_reserve(t, (size_t)size);
    vsnprintf(t->data + t->size, t->capacity - t->size, format, again);
  }
  va_end(again);
  t->size += (size_t)size;
}

void
text_printf(struct text *t, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  text_vprintf(t, format, args);
  va_end(args);
}

char *
text_steal(struct text *t)
{
  char *data = t->data;
  text_init(t);
  return data;
}
