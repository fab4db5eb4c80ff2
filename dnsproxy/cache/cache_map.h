// SPDX-License-Identifier: BSD-2-Clause
// Large private memory from the kernel, in huge pages where that pays. Owner: the caller. Control thread.
#ifndef DNSPROXY_CACHE_CACHE_MAP_H
#define DNSPROXY_CACHE_CACHE_MAP_H

#include <stddef.h>

enum { CACHE_HUGE_PAGE = 2 << 20 };

// Zeroed, not touched yet, aligned to a huge page if larger than one. *size is rounded up. NULL: none to be had.
void *cache_map_new(size_t *size);
void cache_map_free(void *, size_t size); // NULL is fine
void cache_map_use_huge_pages(void *, size_t size);
// Makes the kernel provide the memory now; what is in it stays. Others may use it meanwhile.
void cache_map_touch(void *, size_t size);

#endif
