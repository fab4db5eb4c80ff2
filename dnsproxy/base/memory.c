// SPDX-License-Identifier: BSD-2-Clause
// Allocation that ends the process when memory runs out.
#include "dnsproxy/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
memory_exhausted(void)
{
  fputs("dnsproxy: out of memory\n", stderr);
  abort();
}

static void *
must(void *p)
{
  if (p == NULL)
    memory_exhausted();
  return p;
}

void *
memory_new(size_t size)
{
  return must(calloc(1, size > 0 ? size : 1));
}

void *
memory_array(size_t count, size_t size)
{
  return must(calloc(count > 0 ? count : 1, size));
}

void *
memory_resize(void *old, size_t count, size_t size)
{
  return must(reallocarray(old, count > 0 ? count : 1, size));
}

void *
memory_copy(const void *bytes, size_t size)
{
  char *copy = memory_new(size + 1);
  if (size > 0)
    memcpy(copy, bytes, size);
  return copy;
}

char *
memory_string(const char *string)
{
  return string == NULL ? NULL : memory_copy(string, strlen(string));
}
