// SPDX-License-Identifier: BSD-2-Clause
// Writing a fault's sentence.
#include "dnsproxy/base/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
fault_set(struct fault *f, enum fault_kind kind, const char *format, ...)
{
  if (f == NULL)
    return false;
  char text[sizeof f->text]; // the arguments may point into f->text
  va_list args;
  va_start(args, format);
  int size = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (size < 0)
    text[0] = '\0';
  f->kind = kind;
  memcpy(f->text, text, sizeof text < (size_t)size + 1 ? sizeof text : (size_t)size + 1);
  return false;
}
