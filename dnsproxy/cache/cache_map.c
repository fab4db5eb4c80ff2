// SPDX-License-Identifier: BSD-2-Clause
// mmap with alignment, advice and prefaulting.
#include "dnsproxy/cache/cache_map.h"

#include <stdint.h>
#include <sys/mman.h>


enum { HUGE_PAGE = CACHE_HUGE_PAGE, PAGE = 4096 };
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // Linux 5.14; older kernels refuse it, and then the first user pays
#endif

static size_t
round_up(size_t size, size_t to)
{
  return (size + to - 1) / to * to;
}

static uint8_t *
map(size_t size)
{
  void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? NULL : at;
}

void *
cache_map_new(size_t *size)
{
  if (*size < HUGE_PAGE) {
    *size = round_up(*size, PAGE);
    return map(*size);
  }
  *size = round_up(*size, HUGE_PAGE);
  uint8_t *all = map(*size + HUGE_PAGE);
  if (all == NULL)
    return NULL;
  size_t before = (HUGE_PAGE - (uintptr_t)all % HUGE_PAGE) % HUGE_PAGE;
  if (before > 0)
    munmap(all, before);
  munmap(all + before + *size, HUGE_PAGE - before);
  return all + before;
}

void
cache_map_free(void *at, size_t size)
{
  if (at != NULL)
    munmap(at, size);
}

void
cache_map_use_huge_pages(void *at, size_t size)
{
  madvise(at, size, MADV_HUGEPAGE);
}

void
cache_map_touch(void *at, size_t size)
{
  madvise(at, size, MADV_POPULATE_WRITE);
}
