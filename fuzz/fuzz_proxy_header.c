// SPDX-License-Identifier: BSD-2-Clause
// PROXY headers: whatever is complete is whole, needs what it said when it was cut, and can be written again.
#include "dnsproxy/wire/proxy_header.h"
#include "fuzz/fuzz.h"

#include <string.h>

enum { MAXIMUM = 2000, VALUES = 700 };

static void
check_cuts(const uint8_t *data, const struct proxy_header *whole)
{
  struct proxy_header part;
  for (size_t size = 0; size < whole->size; size++) {
    assert(proxy_header_parse(data, size, MAXIMUM, &part) == PROXY_INCOMPLETE);
    assert(part.size > size && part.size <= whole->size);
  }
}

// The values in their order, written behind the same addresses, give the same bytes but for the kind of transport.
static void
check_again(const uint8_t *data, const struct proxy_header *h)
{
  struct proxy_value values[VALUES];
  uint8_t out[PROXY_HEADER_FIXED + UINT16_MAX];
  size_t count = 0, at = 0;
  while (count < VALUES && proxy_header_value(h, &at, &values[count]))
    count++;
  assert(at == h->values_size);
  for (size_t i = 0; i + 1 < count; i++)
    values[i].next = &values[i + 1];
  bool stream = (data[13] & 0x0f) == 1;
  size_t size = proxy_header_put_values(out, sizeof out, &h->source, &h->destination, stream, count > 0 ? values : NULL);
  assert(size == h->size);
  assert(memcmp(out, data, size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct proxy_header h;
  if (proxy_header_parse(data, size, MAXIMUM, &h) != PROXY_COMPLETE)
    return 0;
  assert(h.size <= size && h.size <= MAXIMUM);
  check_cuts(data, &h);
  if (!h.local)
    check_again(data, &h);
  return 0;
}
