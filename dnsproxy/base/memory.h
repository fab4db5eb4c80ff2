// SPDX-License-Identifier: BSD-2-Clause
// Memory that must be there: start-up and control code. Running out ends the process with a message.
//
//   start-up, configuration, console     memory_new(), memory_string(), ...     never NULL: callers do not check
//   the path of packets                  slab_take() (base/slab)                NULL is a drop that is counted
//   what strangers make grow             malloc() and a bound                   NULL is refused, and the process lives
//
// The rule behind it: at start-up there is nothing better to do than to say so and end, so that a thousand callers need no
// code for it. While packets come, lack of memory must cost a query and not the process.
//
// Whatever is not otherwise said is freed with free(). Zeroed memory is what most structures start with; memory_table() is
// for big tables that are read here and there, and asks for huge pages. Any thread.
#ifndef DNSPROXY_BASE_MEMORY_H
#define DNSPROXY_BASE_MEMORY_H

#include <stddef.h>

void *memory_new(size_t size);                     // zeroed
void *memory_array(size_t count, size_t size);     // zeroed, overflow-checked
void *memory_resize(void *old, size_t count, size_t size); // like reallocarray; new part not zeroed
void *memory_copy(const void *bytes, size_t size); // one NUL byte is added behind
void *memory_table(size_t size); // zeroed, aligned to cache lines; for big tables that are read here and there: huge pages
// Zeroed, aligned to cache lines, for what comes and goes: what aligned_alloc() gives fits no second time into its place in
// glibc before 2.38, and the heap grows for ever.
void *memory_lines_new(size_t size);
void memory_lines_free(void *); // NULL: nothing
char *memory_string(const char *string);           // like strdup; NULL stays NULL
_Noreturn void memory_exhausted(void);             // the message and the end

#endif
