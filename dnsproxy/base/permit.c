// SPDX-License-Identifier: BSD-2-Clause
// The permit of each thread.
#include "dnsproxy/base/permit.h"

static _Thread_local struct permit current;

struct permit
permit_begin(const char *name)
{
  struct permit before = current;
  current.name = name;
  return before;
}

void
permit_end(const struct permit *before)
{
  current = *before;
}

const char *
permit_current(void)
{
  return current.name;
}
