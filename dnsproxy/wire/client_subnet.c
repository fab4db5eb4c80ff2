// SPDX-License-Identifier: BSD-2-Clause
// Making, finding and adding client subnets.
#include "dnsproxy/wire/client_subnet.h"

#include "dnsproxy/wire/codes.h"

#include <string.h>

enum { FAMILY_V4 = 1, FAMILY_V6 = 2, FIXED_SIZE = 4, SCOPE_AT = 3 };

void
client_subnet_make(struct client_subnet *s, const struct address *client, unsigned bits)
{
  size_t raw_size;
  const uint8_t *raw = address_raw(client, &raw_size);
  if (bits > raw_size * 8)
    bits = (unsigned)raw_size * 8;
  unsigned count = (bits + 7) / 8, rest = bits % 8;
  message_put_u16(s->data, raw_size == 4 ? FAMILY_V4 : FAMILY_V6);
  s->data[2] = (uint8_t)bits;
  s->data[SCOPE_AT] = 0;
  memcpy(s->data + FIXED_SIZE, raw, count);
  if (rest > 0)
    s->data[FIXED_SIZE + count - 1] &= (uint8_t)(0xff << (8 - rest));
  s->size = (uint8_t)(FIXED_SIZE + count);
}

bool
client_subnet_find(const uint8_t *message, const struct edns *edns, uint16_t *data, uint16_t *size)
{
  uint16_t cursor = edns->options, code;
  while (edns_option_next(message, edns, &cursor, &code, data, size))
    if (code == EDNS_ECS)
      return true;
  return false;
}

bool
client_subnet_is_for_all(const uint8_t *message, size_t size)
{
  struct question question;
  struct edns edns;
  uint16_t data, data_size;
  size_t behind = message_question(message, size, &question) ? question.end : 0;
  return message_edns(message, size, behind, &edns) && client_subnet_find(message, &edns, &data, &data_size) &&
         data_size >= FIXED_SIZE && message[data + SCOPE_AT] == 0;
}

// Can the options be read to their end?
static bool
client_subnet_are_readable(const uint8_t *message, const struct edns *edns)
{
  uint16_t cursor = edns->options, code, data, size;
  while (edns_option_next(message, edns, &cursor, &code, &data, &size))
    ;
  return cursor == edns->options + edns->options_size;
}

enum client_subnet_result
client_subnet_add(struct wire_buffer *b, const struct edns *edns, const struct client_subnet *s, bool replace,
                  uint16_t payload)
{
  uint16_t data, size;
  bool added_opt, found = client_subnet_find(b->data, edns, &data, &size);
  if (found && !replace)
    return CLIENT_SUBNET_KEPT;
  if (message_set_option(b, EDNS_ECS, s->data, s->size, payload, &added_opt))
    return found ? CLIENT_SUBNET_REPLACED : added_opt ? CLIENT_SUBNET_ADDED_OPT : CLIENT_SUBNET_ADDED;
  bool readable = message_proper_size(b->data, b->size) != 0 && client_subnet_are_readable(b->data, edns);
  return readable ? CLIENT_SUBNET_DOES_NOT_FIT : CLIENT_SUBNET_KEPT;
}
