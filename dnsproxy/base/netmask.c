// SPDX-License-Identifier: BSD-2-Clause
// A netmask as a value.
#include "dnsproxy/base/netmask.h"

#include <string.h>

// "8", "" (full length), "8x" (read as 8, as the dialect does); false: no digit, or above 255.
static bool
parse_bits(const char *text, unsigned most, uint8_t *bits)
{
  unsigned value = 0;
  if (*text == '\0') {
    *bits = (uint8_t)most;
    return true;
  }
  if (*text < '0' || *text > '9')
    return false;
  for (; *text >= '0' && *text <= '9'; text++) {
    value = value * 10 + (unsigned)(*text - '0');
    if (value > UINT8_MAX)
      return false;
  }
  *bits = (uint8_t)(value < most ? value : most);
  return true;
}

// The part before the slash: an address without port, brackets or scope.
static bool
parse_network(struct address *a, const char *text, size_t size)
{
  char copy[ADDRESS_TEXT_SIZE];
  if (size >= sizeof copy || memchr(text, '[', size) != NULL || memchr(text, '%', size) != NULL)
    return false;
  memcpy(copy, text, size);
  copy[size] = '\0';
  return address_parse(a, copy, 0, NULL) && (address_is_v6(a) || strchr(copy, ':') == NULL);
}

bool
netmask_parse(struct netmask *m, const char *text, struct fault *f)
{
  const char *start = *text == '!' ? text + 1 : text;
  size_t size = strcspn(start, "/");
  struct netmask parsed = {.negated = *text == '!'};
  if (!parse_network(&parsed.network, start, size) ||
      !parse_bits(start[size] == '/' ? start + size + 1 : "", address_is_v6(&parsed.network) ? 128 : 32, &parsed.bits))
    return fault_set(f, FAULT_ADDRESS, "Unable to convert '%s' to a netmask", text);
  address_truncate(&parsed.network, parsed.bits);
  *m = parsed;
  return true;
}

void
netmask_from_address(struct netmask *m, const struct address *a, unsigned bits)
{
  size_t count;
  const uint8_t *bytes = address_raw(a, &count);
  *m = (struct netmask){.bits = (uint8_t)(bits < count * 8 ? bits : count * 8)};
  address_from_raw(&m->network, bytes, count, 0);
  address_truncate(&m->network, m->bits);
}

void
netmask_text(const struct netmask *m, struct text *t)
{
  char network[ADDRESS_TEXT_SIZE];
  text_printf(t, "%s%s/%u", m->negated ? "!" : "", address_text(&m->network, network), m->bits);
}

bool
netmask_match(const struct netmask *m, const struct address *a)
{
  if (m->network.sa.sa_family != a->sa.sa_family)
    return false;
  struct address network = *a;
  address_truncate(&network, m->bits);
  return address_equal_ip(&m->network, &network);
}

bool
netmask_equal(const struct netmask *a, const struct netmask *b)
{
  return a->bits == b->bits && address_equal_ip(&a->network, &b->network);
}
