// SPDX-License-Identifier: BSD-2-Clause
// Allocation that ends the process when memory runs out.
#include "dnsproxy/base/memory.h"

#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE = 64, HUGE = 2 << 20 };

void
memory_exhausted(void)
{
  fputs("dnsproxy: out of memory\n", stderr);
  abort();
}

static void *
memory_must(void *p)
{
  if (p == NULL)
    memory_exhausted();
  return p;
}

void *
memory_new(size_t size)
{
  return memory_must(calloc(1, size > 0 ? size : 1));
}

void *
memory_array(size_t count, size_t size)
{
  return memory_must(calloc(count > 0 ? count : 1, size));
}

void *
memory_resize(void *old, size_t count, size_t size)
{
  return memory_must(reallocarray(old, count > 0 ? count : 1, size));
}

void *
memory_copy(const void *bytes, size_t size)
{
  char *copy = memory_new(size + 1);
  if (size > 0)
    memcpy(copy, bytes, size);
  return copy;
}

void *
memory_table(size_t size)
{
  size_t alignment = size < HUGE ? LINE : HUGE;
  size_t whole = (size + alignment - 1) / alignment * alignment;
  void *table = memory_must(aligned_alloc(alignment, whole > 0 ? whole : LINE));
  if (alignment == HUGE) // a look-up is a cache miss: let it not be a page walk too
    madvise(table, whole, MADV_HUGEPAGE);
  return memset(table, 0, size);
}

void *
memory_lines_new(size_t size)
{
  char *base = memory_new(size + LINE);
  char *lines = base + LINE - (uintptr_t)base % LINE; // at least as far behind as malloc() aligns
  memcpy(lines - sizeof base, &base, sizeof base);
  return lines;
}

void
memory_lines_free(void *lines)
{
  char *base;
  if (lines == NULL)
    return;
  memcpy(&base, (char *)lines - sizeof base, sizeof base);
  free(base);
}

char *
memory_string(const char *string)
{
  return string == NULL ? NULL : memory_copy(string, strlen(string));
}
