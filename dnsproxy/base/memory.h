// SPDX-License-Identifier: BSD-2-Clause
// Memory that must be there: start-up and control code. Running out ends the process with a message.
//
// The path of packets does not call these: it takes from slabs (slab.h), and an empty slab is a drop reason.
#ifndef DNSPROXY_BASE_MEMORY_H
#define DNSPROXY_BASE_MEMORY_H

#include <stddef.h>

void *memory_new(size_t size);                     // zeroed
void *memory_array(size_t count, size_t size);     // zeroed, overflow-checked
void *memory_resize(void *old, size_t count, size_t size); // like reallocarray; new part not zeroed
void *memory_copy(const void *bytes, size_t size); // one NUL byte is added behind
void *memory_table(size_t size); // zeroed, aligned to cache lines; for big tables that are read here and there: huge pages
char *memory_string(const char *string);           // like strdup; NULL stays NULL
_Noreturn void memory_exhausted(void);             // the message and the end

#endif
