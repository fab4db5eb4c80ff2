// SPDX-License-Identifier: BSD-2-Clause
// A netmask as a value.
#include "dnsproxy/base/netmask.h"

#include <arpa/inet.h>
#include <string.h>

// "8", "" (full length), "8x" (read as 8, as the dialect does). The dialect's number errors are another kind of error.
static bool
netmask_parse_bits(const char *text, unsigned most, uint8_t *bits, struct fault *f)
{
  static const char large[] = "The prefix length %s is too large, the maximum is %d";
  const char *digit = text;
  unsigned value = 0;
  if (*text == '\0') {
    *bits = (uint8_t)most;
    return true;
  }
  if (*text == '-')
    return fault_set(f, FAULT_CAUGHT, large, text, UINT8_MAX);
  if (*text < '0' || *text > '9')
    return fault_set(f, FAULT_CAUGHT, "stoull: the prefix length '%s' is not a number", text);
  for (; *digit >= '0' && *digit <= '9'; digit++) {
    value = value * 10 + (unsigned)(*digit - '0');
    if (value > UINT8_MAX)
      return fault_set(f, FAULT_CAUGHT, large, text, UINT8_MAX);
  }
  *bits = (uint8_t)(value < most ? value : most);
  return true;
}

// The part before the slash: an address without port or scope; four numbers, where an address may have fewer.
static bool
netmask_parse_network(struct address *a, const char *text, size_t size)
{
  char copy[ADDRESS_TEXT_SIZE];
  struct in_addr v4;
  if (size >= sizeof copy || memchr(text, '%', size) != NULL)
    return false;
  memcpy(copy, text, size);
  copy[size] = '\0';
  if (strchr(copy, ':') == NULL)
    return inet_pton(AF_INET, copy, &v4) == 1 && address_from_raw(a, &v4, sizeof v4, 0);
  return (copy[0] != '[' || copy[size - 1] == ']') && address_parse(a, copy, 0, NULL) && address_is_v6(a);
}

bool
netmask_parse(struct netmask *m, const char *text, struct fault *f)
{
  const char *start = *text == '!' ? text + 1 : text;
  size_t size = strcspn(start, "/");
  struct netmask parsed = {.negated = *text == '!'};
  const char *bits = start[size] == '/' ? start + size + 1 : "";
  if (!netmask_parse_network(&parsed.network, start, size))
    return fault_set(f, FAULT_ADDRESS, "Unable to convert '%s' to a netmask", text);
  if (!netmask_parse_bits(bits, address_is_v6(&parsed.network) ? 128 : 32, &parsed.bits, f))
    return false;
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
